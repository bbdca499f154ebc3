import { join } from 'node:path';
import { ImageBuilder, loadImage, pauseArchive } from './images.ts';
import type { ClusterNode } from './node.ts';

/** The node cannot start any pod before it has this one image. */
export async function loadPause(
  node: ClusterNode,
  programs: string,
  state: string,
  tell: (line: string) => void,
): Promise<void> {
  tell('loading the pause image');
  await using builder = new ImageBuilder(join(state, 'docker'));
  await builder.start();
  loadImage(programs, node.containerdSocket, pauseArchive(programs, builder, join(state, 'docker')));
}
