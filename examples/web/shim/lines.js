// What comes in: lines, whole and not too long (spec/shim.md, section 2).

/** A line, without its end; or what is wrong with it. @typedef {{ text: string } | { wrong: 'frame_too_large' | 'malformed_frame' }} Line */

/** Longest line, bytes. */
export const LINE = 262_144;

/**
 * @param {AsyncIterable<Buffer>} input
 * @param {number} [longest]
 * @returns {AsyncGenerator<Line>}
 */
export async function* lines(input, longest = LINE) {
  /** @type {Buffer[]} */
  let parts = [];
  let length = 0;
  const take = () => {
    const line = length > longest ? /** @type {Line} */ ({ wrong: 'frame_too_large' }) : decode(Buffer.concat(parts));
    parts = [];
    length = 0;
    return line;
  };
  const add = (/** @type {Buffer} */ part) => {
    length += part.length;
    if (length > longest) parts = [];
    else parts.push(part);
  };
  for await (const chunk of input) {
    let begin = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
      add(chunk.subarray(begin, end));
      yield take();
      begin = end + 1;
    }
    add(chunk.subarray(begin));
  }
  if (length > 0) yield take();
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns {Line} */
function decode(/** @type {Buffer} */ bytes) {
  try {
    return { text: decoder.decode(bytes).replace(/\r$/, '') };
  } catch {
    return { wrong: 'malformed_frame' };
  }
}
