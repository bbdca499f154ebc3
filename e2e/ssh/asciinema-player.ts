import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What asciinema's own player makes of a recording. */
export interface Played {
  readonly size: string;
  readonly output: string;
  readonly input: string;
  readonly markers: readonly string[];
  readonly sizes: readonly string[];
}

type Event = Readonly<Record<string, unknown>> | readonly string[] | string;

interface Core {
  addEventListener(name: string, handler: (data: Event) => void): void;
  init(): Promise<void>;
  terminalReady(): void;
  play(): Promise<void>;
  stop(): Promise<void>;
}

const fieldOf = (event: Event, name: string): unknown => Object(event)[name];
const quiet = { log() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Plays an asciicast with the player of asciinema's web pages, without its screen, as fast as it can. Rejects when it cannot be read. */
export async function playCast(path: string): Promise<Played> {
  const folder = dirname(createRequire(import.meta.url).resolve('asciinema-player'));
  // The player's core has the name of its build.
  const core = /from '(\.\/core-[\w-]+\.js)'/.exec(readFileSync(join(folder, 'index.js'), 'utf8'))?.[1] ?? '';
  const { C: PlayerCore } = await import(pathToFileURL(join(folder, core)).href);
  const text = readFileSync(path, 'utf8');
  const player: Core = new PlayerCore(
    { data: text },
    { logger: quiet, speed: 100_000, idleTimeLimit: 1, preload: true },
  );
  const seen = { size: '', output: '', input: '', markers: [] as string[], sizes: [] as string[] };
  const size = (given: unknown): string => {
    const { cols, rows } = Object(given);
    return `${cols}x${rows}`;
  };
  const ended = new Promise<void>((resolve, reject) => {
    player.addEventListener('ended', () => resolve());
    player.addEventListener('error', (error) => reject(new Error(JSON.stringify(error))));
  });
  player.addEventListener('reset', (event) => {
    seen.size = size(fieldOf(event, 'size'));
  });
  // Neighbours that the player shows in one frame come together.
  player.addEventListener('output', (data) => {
    if (typeof data === 'string') seen.output += data;
    else if (Array.isArray(data)) seen.output += data.join('');
  });
  player.addEventListener('input', (event) => (seen.input += String(fieldOf(event, 'data'))));
  player.addEventListener('resize', (event) => void seen.sizes.push(size(event)));
  player.addEventListener('metadata', (event) => {
    const markers = fieldOf(event, 'markers');
    if (Array.isArray(markers)) seen.markers = markers.map(([, label]) => String(label));
  });
  player.terminalReady();
  await player.init();
  await player.play();
  await ended;
  await player.stop();
  return seen;
}
