// Builds the package: `node build.mjs` writes dist/, says how large it is, and fails where that is too large.
//
//   --vectors   writes the same with the functions of the test vectors, to a folder beside the compiler's output
//   --check     only says whether there is a compiler that can (exit status 0) or not (3)

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(here, 'target');
const TRIPLE = 'wasm32-unknown-unknown';
/** What a page may have to fetch, bytes after gzip. */
const BUDGET = 350 * 1000;
/** Debian's compiler with the standard library's sources (packages rustc-web and rust-web-src), and the oldest that will do. */
const DEBIAN = '/usr/bin/rustc';
const OLDEST = 88;

function says(program, ...args) {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, { cwd: here, stdio: 'inherit', env: { ...process.env, ...env } });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * How to compile for the target: with a library of the target that is there, or one made of its sources.
 * @returns {{ what: string, args: string[], env: Record<string, string> } | null}
 */
function compiler() {
  const libraries = says('rustc', '--print', 'target-libdir', '--target', TRIPLE);
  if (libraries !== null && existsSync(libraries)) return { what: 'rustc', args: [], env: {} };
  const minor = Number(/release: 1\.(\d+)/.exec(says(DEBIAN, '-vV') ?? '')?.[1] ?? 0);
  const sources = join(says(DEBIAN, '--print', 'sysroot') ?? '/nowhere', 'lib/rustlib/src/rust/library/Cargo.lock');
  const linker = lld();
  if (minor < OLDEST || !existsSync(sources) || linker === null) return null;
  return {
    what: `${DEBIAN}, with core and alloc from their sources`,
    args: ['-Zbuild-std=core,alloc'],
    // build-std is unstable, which only means that its command line may change.
    env: { RUSTC: DEBIAN, RUSTC_BOOTSTRAP: '1', CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker },
  };
}

/** LLVM's linker for WebAssembly: that of a Rust toolchain, or the system's. */
function lld() {
  const host = /host: (\S+)/.exec(says('rustc', '-vV') ?? '')?.[1];
  const bundled = join(says('rustc', '--print', 'sysroot') ?? '/nowhere', `lib/rustlib/${host}/bin/rust-lld`);
  if (existsSync(bundled)) return bundled;
  return says('sh', '-c', 'command -v rust-lld || command -v wasm-ld');
}

/** Where sources are on this machine is nobody else's business: it does not get into the module. */
function withoutPaths(env) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const sysroot = says(env.RUSTC ?? 'rustc', '--print', 'sysroot');
  const prefixes = [
    [join(here, '../..'), 'burnchat'],
    [join(cargoHome, 'registry/src'), 'crates'],
    [join(sysroot, 'lib/rustlib/src/rust'), 'rust'],
    // Where Debian's link to the sources leads.
    ['/usr/src', 'rust'],
  ];
  const flags = prefixes.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  return { ...env, CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f') };
}

function build(vectors) {
  const chosen = compiler();
  if (chosen === null) {
    console.error(`No compiler for ${TRIPLE}: \`rustup target add ${TRIPLE}\`, or Debian's packages rustc-web and rust-web-src.`);
    process.exit(3);
  }
  console.log(`compiling with ${chosen.what}`);
  const features = vectors ? ['--features', 'vectors'] : [];
  const args = ['build', '--package', 'burnchat-wasm', '--release', '--locked', '--target', TRIPLE, ...chosen.args, ...features];
  run('cargo', args, withoutPaths(chosen.env));
  run('cargo', ['build', '--package', 'burnchat-wasm-bindgen', '--locked']);

  const folder = vectors ? join(target, 'wasm-vectors') : join(here, 'dist');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run(join(target, 'debug/burnchat-wasm-bindgen'), [join(target, TRIPLE, 'release/burnchat_wasm.wasm'), folder]);
  return folder;
}

function weigh(folder) {
  const module = join(folder, 'burnchat_wasm_bg.wasm');
  const raw = statSync(module).size;
  const zipped = gzipSync(readFileSync(module), { level: 9 }).length;
  const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`burnchat_wasm_bg.wasm: ${kilo(raw)}, ${kilo(zipped)} after gzip; the budget is ${kilo(BUDGET)}`);
  if (zipped > BUDGET) {
    console.error('too large');
    process.exit(1);
  }
}

const { values } = parseArgs({ options: { vectors: { type: 'boolean' }, check: { type: 'boolean' } } });
if (values.check) process.exit(compiler() === null ? 3 : 0);
const folder = build(values.vectors ?? false);
if (values.vectors) console.log(folder);
else {
  weigh(folder);
  for (const license of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(here, '../..', license), join(here, license));
}
