import { fileURLToPath } from 'node:url';

/**
 * The path of a program that this one starts: its source in a checkout; in an image, where every program is a bundle of one file, the
 * bundle `name` beside this one.
 */
export function programBeside(source: string, name: string): string {
  const inSources = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(inSources ? `../../${source}` : `./${name}.js`, import.meta.url));
}
