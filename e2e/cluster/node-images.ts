import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { makeContexts } from '../../images/build.ts';
import { buildAgent, buildPause, buildPostgres, ImageBuilder, loadImages, localImages } from './images.ts';
import type { ClusterNode } from './node.ts';

/** What the images of a checkout are called while they are tested. */
export const IMAGE_TAG = 'e2e';

/** The node cannot start any pod before it has the pause image; Sidegate's own and the agents' come with it. */
export async function loadAllImages(
  node: ClusterNode,
  programs: string,
  state: string,
  tell: (line: string) => void,
): Promise<void> {
  await using builder = new ImageBuilder(join(state, 'docker'));
  await builder.start();
  const images = [buildPause(programs, builder), ...(await buildAllImages(builder, tell))];
  tell('loading the images into the node');
  loadImages(programs, node.containerdSocket, builder, images);
}

/** Writes every image that the cases need to a file, for a cluster that is not ours: names and tags are in it. */
export async function archiveAllImages(file: string, tell: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sidegate-images-'));
  try {
    await using builder = new ImageBuilder(join(folder, 'docker'));
    await builder.start();
    builder.docker('save', '-o', file, ...(await buildAllImages(builder, tell)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function buildAllImages(builder: ImageBuilder, tell: (line: string) => void): Promise<readonly string[]> {
  tell('bundling the programs and building the images');
  const local = localImages(builder);
  const contexts = builder.folder('sidegate');
  const ours = (await makeContexts(contexts)).map((name) =>
    builder.build(join(contexts, name), `sidegate/${name}:${IMAGE_TAG}`, ...local),
  );
  const images = [buildAgent(builder), buildPostgres(builder), ...ours];
  for (const line of builder.docker('images', '--format', '{{.Repository}}:{{.Tag}} {{.Size}}').trim().split('\n'))
    tell(`  ${line}`);
  return images;
}

/** Loads the images that another checkout (an earlier one, say) builds, under a tag of their own. */
export async function loadCheckout(
  node: ClusterNode,
  programs: string,
  state: string,
  { folder, tag }: { readonly folder: string; readonly tag: string },
): Promise<readonly string[]> {
  await using builder = new ImageBuilder(join(state, 'docker'));
  await builder.start();
  const local = localImages(builder);
  const made = spawnSync(process.execPath, ['images/build.ts', '--contexts'], { cwd: folder, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`${folder} does not bundle its images: ${made.stderr}`);
  const images = made.stdout
    .trim()
    .split('\n')
    .map((context) => builder.build(context, `sidegate/${basename(context)}:${tag}`, ...local));
  loadImages(programs, node.containerdSocket, builder, images);
  return images;
}
