import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, ok, type Result } from '@sidegate/crds';
import { runToEnd } from './cluster.ts';

/** A cluster of kind that is up, with the images of an archive on its node. */
export interface KindCluster {
  readonly kubeconfig: string;
  readonly down: () => Promise<void>;
}

/**
 * Makes a cluster with the program `kind`. `archive` writes the images to a file; it is asked only once the cluster is up. Fails with kind's words
 * where the cluster cannot be made, which is where Docker cannot pull the image of its node; throws when the images do not get there.
 */
export async function openKind(
  kind: string,
  archive: (file: string) => Promise<void>,
): Promise<Result<KindCluster, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'sidegate-kind-'));
  const name = `sidegate-e2e-${process.pid}`;
  const kubeconfig = join(folder, 'kubeconfig');
  const where = ['--name', name, '--kubeconfig', kubeconfig];
  const down = async (): Promise<void> => {
    await runToEnd(kind, ['delete', 'cluster', ...where]);
    rmSync(folder, { recursive: true, force: true });
  };
  const made = await runToEnd(kind, ['create', 'cluster', ...where, '--wait', '180s']);
  if (made.code !== 0) {
    await down();
    return fail(made.stderr.trim().split('\n').slice(-3).join(' '));
  }
  try {
    const images = join(folder, 'images.tar');
    await archive(images);
    const loaded = await runToEnd(kind, ['load', 'image-archive', images, '--name', name]);
    if (loaded.code !== 0) throw new Error(`kind does not load the images: ${loaded.stderr}`);
    rmSync(images, { force: true });
    return ok({ kubeconfig, down });
  } catch (error) {
    await down();
    throw error;
  }
}
