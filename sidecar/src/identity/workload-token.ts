import { readFile } from 'node:fs/promises';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** Reads the token that stands for the agent's workload, afresh for each connection: such tokens rotate. */
export async function readWorkloadToken(path: string): Promise<Result<string, Fault<'NoToken'>>> {
  try {
    return ok((await readFile(path, 'utf8')).trim());
  } catch (error) {
    return fail({
      code: 'NoToken',
      message: `The workload token ${path} cannot be read: ${error instanceof Error ? error.message : 'unknown reason'}.`,
      mend: 'Put a token of an accepted issuer there; it is read afresh for each connection.',
    });
  }
}
