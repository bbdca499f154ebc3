import { hasOption } from './keys.ts';

const MAY_WAIT = new Set('BLPOP,BRPOP,BLMOVE,BRPOPLPUSH,BLMPOP,BZPOPMIN,BZPOPMAX,BZMPOP,WAIT,WAITAOF'.split(','));

/** The server may let the connection wait in this command for others, as long as the agent likes. */
export function blocks(name: string, args: readonly Uint8Array[]): boolean {
  if (name === 'XREAD' || name === 'XREADGROUP') return hasOption(args, 1, 'BLOCK');
  return MAY_WAIT.has(name);
}
