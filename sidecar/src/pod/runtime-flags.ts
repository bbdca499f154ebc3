import { setFlagsFromString } from 'node:v8';

// Before anything else is loaded, whoever starts the program: PostgreSQL's parser stays with its first, fast compilation. Compiling it a second
// time takes half a gigabyte for a moment, which is all that the container may have. (`--liftoff-only` says the same, but at the start alone.)
setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');
