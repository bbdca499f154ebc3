import { resolve } from 'node:path';
import { ClusterNode } from './node.ts';
import { archiveAllImages, loadAllImages, loadCheckout } from './node-images.ts';
import { DEFAULT_STATE } from './node-network.ts';
import { buildPrograms, ClusterUnavailable } from './programs.ts';

const HELP = `npm run cluster -- COMMAND

  build   builds the programs of a cluster (kept in the cache)
  up      brings up a one-node Kubernetes cluster as processes of this machine
  env     prints the KUBECONFIG to use, as a line for the shell
  images  FILE: writes the images that the cases need to an archive, for a cluster that is there by other means
  load    CHECKOUT TAG: loads the images of another checkout of this repository, under that tag
  down    takes it down and leaves nothing behind

  SIDEGATE_CLUSTER=FOLDER names where it is kept; clusters in several folders run side by side.
`;

const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const state = process.env.SIDEGATE_CLUSTER ?? DEFAULT_STATE;

async function main([command, ...parameters]: readonly string[]): Promise<number> {
  if (command === undefined || command === 'help' || command === '--help') {
    process.stdout.write(HELP);
    return command === undefined ? 2 : 0;
  }
  if (command === 'images') {
    const [file] = parameters;
    if (file === undefined) {
      tell(HELP);
      return 2;
    }
    await archiveAllImages(resolve(file), tell);
    return 0;
  }
  const programs = buildPrograms(tell);
  if (command === 'build') return 0;
  const node = new ClusterNode(state, programs);
  switch (command) {
    case 'up': {
      if (!node.isUp) {
        await node.down();
        await node.up(tell);
        await loadAllImages(node, programs, state, tell);
      }
      process.stdout.write(`export KUBECONFIG=${node.kubeconfig}\n`);
      return 0;
    }
    case 'env':
      if (!node.isUp) {
        tell('no cluster is up: npm run cluster -- up');
        return 1;
      }
      process.stdout.write(`export KUBECONFIG=${node.kubeconfig}\n`);
      return 0;
    case 'load': {
      const [folder, tag] = parameters;
      if (folder === undefined || tag === undefined || !node.isUp) {
        tell(node.isUp ? HELP : 'no cluster is up: npm run cluster -- up');
        return 2;
      }
      for (const image of await loadCheckout(node, programs, state, { folder, tag })) tell(image);
      return 0;
    }
    case 'down':
      await node.down();
      return 0;
    default:
      tell(`unknown command ${command}\n${HELP}`);
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterUnavailable)) throw error;
  tell(error.message);
  process.exitCode = 1;
}
