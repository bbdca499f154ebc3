import { runProcess } from '../support/processes.ts';

const CHAINS = ['INPUT', 'OUTPUT'];

/** Whether packets can be dropped here: iptables is there, and this user may use it. */
export async function canDropPackets(): Promise<boolean> {
  const listed = await runProcess('iptables', ['-w', '-S', 'INPUT']).catch(() => undefined);
  return listed?.code === 0;
}

/** From now on no packet passes between these two ports of this machine, until it is disposed of: each end is alone and does not know. */
export async function dropPackets(one: number, other: number): Promise<AsyncDisposable> {
  const rules = CHAINS.flatMap((chain) =>
    [
      [one, other],
      [other, one],
    ].map(([from, to]) => [
      chain,
      ...`-p tcp --sport ${from} --dport ${to} -m comment --comment sidegate-faults -j DROP`.split(' '),
    ]),
  );
  const change = async (how: '-I' | '-D'): Promise<void> => {
    for (const rule of rules) await runProcess('iptables', ['-w', how, ...rule]);
  };
  await change('-I');
  return { [Symbol.asyncDispose]: () => change('-D') };
}
