import { readFileSync } from 'node:fs';
import ssh2, { type Client, type ClientChannel, type ServerChannel, type ServerClient } from 'ssh2';

/**
 * The least that a relay of SSH in Node.js can be: a server of ssh2 that lets everybody in and pipes each program and subsystem to a client of
 * ssh2. It judges and records nothing. What the gate costs is told against this. Started with the server's port, the user there, the file of the
 * key that it takes, a file with a host key for the relay itself, and the cipher towards the server; prints its own port.
 */
const [port = '', username = '', keyFile = '', hostKeyFile = '', cipher = ''] = process.argv.slice(2);
const privateKey = readFileSync(keyFile, 'utf8');

/** Keeps ssh2 from reading SFTP itself, which it does for a subsystem of exactly that name. */
const RAW = 'raw:';

type Accept = () => ServerChannel;
type Opened = (error: Error | undefined, channel: ClientChannel) => void;

function connectTarget(agent: ServerClient): Promise<Client> {
  const target = new ssh2.Client();
  target.on('close', () => agent.end());
  agent.on('close', () => target.end());
  const ready = new Promise<Client>((resolve, reject) => {
    target.once('ready', () => resolve(target.setNoDelay(true)));
    target.on('error', reject);
  });
  target.connect({
    host: '127.0.0.1',
    port: Number(port),
    username,
    privateKey,
    hostVerifier: () => true,
    algorithms: { cipher: [cipher] },
  });
  return ready;
}

function forward(program: ClientChannel, agent: ServerChannel): void {
  agent.pipe(program);
  program.pipe(agent, { end: false });
  program.stderr.pipe(agent.stderr, { end: false });
  program.on('exit', (code: number | null, signal: string = 'TERM') =>
    code === null ? agent.exit(signal) : agent.exit(code),
  );
  program.on('close', () => {
    if (program.readableEnded) agent.end();
    else program.once('end', () => agent.end());
  });
}

function serve(agent: ServerClient): void {
  agent.on('error', () => agent.end());
  agent.on('authentication', (context: { accept(): void }) => context.accept());
  const handlers = agent._protocol._handlers;
  const asked = handlers.CHANNEL_REQUEST;
  handlers.CHANNEL_REQUEST = (protocol, recipient, type, isAnswered, data) =>
    asked(protocol, recipient, type, isAnswered, type === 'subsystem' ? `${RAW}${String(data)}` : data);
  agent.on('ready', () => {
    agent.setNoDelay(true);
    const ready = connectTarget(agent);
    ready.catch(() => agent.end());
    // Taken at once: ssh2 takes none once the agent's input has ended.
    const open = (channel: ServerChannel, ask: (target: Client, opened: Opened) => void): void =>
      void ready.then(
        (target) =>
          ask(target, (error, program) => {
            if (error === undefined) return forward(program, channel);
            channel.exit(1);
            channel.end();
          }),
        () => channel.end(),
      );
    agent.on('session', (acceptSession: () => NodeJS.EventEmitter) => {
      const session = acceptSession();
      session.on('exec', (accept: Accept, _reject: unknown, { command }: { command: string }) =>
        open(accept(), (target, opened) => void target.exec(command, opened)),
      );
      session.on('subsystem', (accept: Accept, _reject: unknown, { name }: { name: string }) =>
        open(accept(), (target, opened) => void target.subsys(name.slice(RAW.length), opened)),
      );
    });
  });
}

const server = new ssh2.Server({ hostKeys: [readFileSync(hostKeyFile, 'utf8')] }, serve);
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${server.address().port}\n`));
