import { killGate } from '../cases/disturbance.ts';
import { BOTS, type Ground } from './ground.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

const SQUATTER = 'squatter';

/** Takes a port as soon as it is free, TCP and UDP, keeps it, and writes down what comes in. */
const SIT = `
import socket, sys, threading, time
host, port = sys.argv[1], int(sys.argv[2])
heard = open("/tmp/heard", "ab", 0)
def take(kind):
    while True:
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
            if kind == socket.SOCK_STREAM: s.listen()
            return s
        except OSError:
            s.close()
            time.sleep(0.001)
udp, tcp = take(socket.SOCK_DGRAM), take(socket.SOCK_STREAM)
open("/tmp/sits", "w").close()
while True:
    c, _ = tcp.accept()
    threading.Thread(target=lambda: heard.write(c.recv(65536)), daemon=True).start()
`;

/** A pod whose agent takes ports from the gate, and what became of its Target. */
export class Squatter {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** A new pod of it. */
  async start(): Promise<void> {
    const { stage } = this.#ground;
    await stage.deletePod(SQUATTER, BOTS, '--grace-period=0', '--force');
    await stage.cluster.apply(stage.resource(SQUATTER));
    await stage.cluster.wait(BOTS, `pod/${SQUATTER}`, 'condition=Ready');
  }

  /** Makes the Target, or sees that it is there. */
  async openTarget(): Promise<void> {
    const { stage } = this.#ground;
    await stage.cluster.apply(stage.resource('late-db'));
    await stage.ready('target', 'late-db', 'data');
  }

  /** Waits for the port in the background. */
  async lurk(host: string, port: number): Promise<void> {
    const start =
      'rm -f /tmp/sits /tmp/heard; python3 -c "$1" "$2" "$3" </dev/null >/tmp/words 2>&1 & echo $! >/tmp/pid';
    await this.#run('sh', '-c', start, 'sit', SIT, host, String(port));
  }

  async untilItSits(): Promise<void> {
    await this.#ground.stage.cluster.until('the agent has the port', async () =>
      (await this.#run('test', '-e', '/tmp/sits')).code === 0 ? true : undefined,
    );
  }

  /** Leaves the port. */
  async leave(): Promise<void> {
    await this.#run('sh', '-c', 'kill $(cat /tmp/pid)');
  }

  async killGate(): Promise<void> {
    await killGate(this.#ground.stage, SQUATTER, BOTS);
  }

  /** What psql in the pod gets of the Target. It succeeded with rows; or when the agent heard what was meant for the gate. */
  async reads(): Promise<Outcome> {
    const psql = await this.#run('psql', '-w', '-qAtc', 'SELECT count(*) FROM orders');
    const heard = await this.#run('sh', '-c', 'cat /tmp/heard 2>/dev/null | wc -c');
    const bytes = Number(heard.stdout.trim());
    const said = bytes === 0 ? outcomeOf(psql).said : `the agent heard ${bytes} bytes`;
    return { succeeded: psql.stdout.trim() === '20' || bytes > 0, said };
  }

  async untilItReads(): Promise<Outcome> {
    return await this.#ground.stage.cluster.until('the Target is reached', async () => {
      const outcome = await this.reads();
      if (!outcome.succeeded) throw new Error(outcome.said);
      return outcome;
    });
  }

  /** Resolves with what the AgentAccess says once it matches. */
  async status(matches: RegExp): Promise<string> {
    const path = '{range .status.conditions[*]}{.type} {.status} {.reason}: {.message} {end}';
    return await this.#ground.stage.cluster.until(`the status says ${String(matches)}`, async () => {
      const said = await this.#ground.stage.cluster.value('agentaccess', 'squatters', BOTS, path);
      if (!matches.test(said)) throw new Error(said);
      return said;
    });
  }

  #run(...command: readonly string[]) {
    return this.#ground.inAgent(command, SQUATTER);
  }
}
