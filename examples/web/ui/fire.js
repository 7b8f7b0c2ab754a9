// The fire at the end. What burns are shapes: where messages stood, without a word of them.

import { h } from './dom.js';

const SECONDS = 2.8;
/** Sparks a second for each pixel of width: what a slow device still draws smoothly. */
const SPARKS_PER_PIXEL = 0.6;

/** @typedef {{ x: number, y: number, width: number, height: number, mine: boolean }} Shape */

/**
 * Where the messages are that can be seen.
 * @param {Iterable<Element>} bubbles
 * @returns {Shape[]}
 */
export function shapesOf(bubbles) {
  return Array.from(bubbles, (bubble) => ({ box: bubble.getBoundingClientRect(), mine: bubble.classList.contains('mine') }))
    .filter(({ box }) => box.bottom > 0 && box.top < innerHeight)
    .map(({ box, mine }) => ({ x: box.x, y: box.y, width: box.width, height: box.height, mine }));
}

/**
 * Burns shapes from the bottom of the window to its top, then takes itself away.
 * @param {Shape[]} shapes
 * @returns {Promise<void>} when it has burned down
 */
export async function fire(shapes) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    return;
  }
  const canvas = h('canvas', { class: 'fire-canvas' });
  const stage = h('div', { class: 'fire', 'aria-hidden': 'true' });
  for (const shape of shapes) {
    const ash = h('div', { class: shape.mine ? 'ash mine' : 'ash' });
    ash.style.setProperty('left', `${shape.x}px`);
    ash.style.setProperty('top', `${shape.y}px`);
    ash.style.setProperty('width', `${shape.width}px`);
    ash.style.setProperty('height', `${shape.height}px`);
    // The front of the fire climbs; what stands lower burns first.
    ash.style.setProperty('--delay', `${(1 - shape.y / innerHeight) * 0.45 * SECONDS}s`);
    stage.append(ash);
  }
  stage.append(canvas);
  document.body.append(stage);
  await burn(canvas);
  stage.remove();
}

/** @param {HTMLCanvasElement} canvas */
async function burn(canvas) {
  const context = canvas.getContext('2d');
  if (!context) {
    return;
  }
  canvas.width = innerWidth;
  canvas.height = innerHeight;
  const spark = sparkPicture();
  /** @type {{ x: number, y: number, vx: number, vy: number, age: number, life: number, size: number }[]} */
  const sparks = [];
  const begun = performance.now();
  let before = begun;
  let owed = 0;
  for (;;) {
    const now = await new Promise((resolve) => requestAnimationFrame(resolve));
    const seconds = (now - begun) / 1000;
    const step = Math.min(0.05, (now - before) / 1000);
    before = now;
    if (seconds > SECONDS) {
      return;
    }
    const front = innerHeight * (1.05 - 1.35 * (seconds / SECONDS));
    const strength = seconds < SECONDS * 0.72 ? 1 : Math.max(0, 1 - (seconds - SECONDS * 0.72) / (SECONDS * 0.2));
    owed += innerWidth * SPARKS_PER_PIXEL * strength * step;
    for (; owed >= 1; owed -= 1) {
      sparks.push({
        x: Math.random() * innerWidth,
        y: Math.min(innerHeight, front + Math.random() * innerHeight * 0.5) + 20,
        vx: (Math.random() - 0.5) * 40,
        vy: -120 - Math.random() * 260,
        age: 0,
        life: 0.35 + Math.random() * 0.75,
        size: 30 + Math.random() * 90,
      });
    }
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'lighter';
    for (let i = sparks.length - 1; i >= 0; i -= 1) {
      const one = /** @type {typeof sparks[number]} */ (sparks[i]);
      one.age += step;
      one.x += one.vx * step + Math.sin(one.age * 9 + one.size) * 0.8;
      one.y += one.vy * step;
      if (one.age > one.life) {
        sparks.splice(i, 1);
        continue;
      }
      const left = 1 - one.age / one.life;
      const size = one.size * (0.35 + left * 0.65);
      context.globalAlpha = left * left * 0.85;
      context.drawImage(spark, one.x - size / 2, one.y - size * 0.75, size, size * 1.5);
    }
  }
}

/** One flame, drawn once: hot in the middle. */
function sparkPicture() {
  const picture = h('canvas');
  picture.width = 64;
  picture.height = 64;
  const context = picture.getContext('2d');
  if (context) {
    const glow = context.createRadialGradient(32, 36, 0, 32, 32, 32);
    glow.addColorStop(0, 'rgb(255 176 72 / 0.85)');
    glow.addColorStop(0.3, 'rgb(255 116 30 / 0.6)');
    glow.addColorStop(0.65, 'rgb(214 54 16 / 0.22)');
    glow.addColorStop(1, 'rgb(120 16 0 / 0)');
    context.fillStyle = glow;
    context.fillRect(0, 0, 64, 64);
  }
  return picture;
}
