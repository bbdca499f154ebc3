import { CREDENTIAL, type Ground, HOLDER, VICTIM } from './ground.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** Where an agent looks: what it was started with, every file that it can read, the memory of every process that it sees. */
export type Place = 'environment' | 'files' | 'memory';

// It gets what it looks for in two pieces, so that it does not find itself.
const PROGRAM = `
import glob, os, re, sys
place, needle, me = sys.argv[1], (sys.argv[2] + sys.argv[3]).encode(), str(os.getpid())
looked, closed = 0, 0
def found(where):
    print("found the credential in " + where)
    sys.exit()
def read(path, ranges=[(0, None)]):
    global looked, closed
    try:
        with open(path, "rb", 0) as f:
            looked += 1
            for begin, end in ranges:
                tail = b""
                try:
                    f.seek(begin)
                    left = end - begin if end else 1 << 62
                    while left > 0:
                        block = f.read(min(left, 1 << 20))
                        if not block: break
                        left -= len(block)
                        if needle in tail + block: found(path)
                        tail = block[-len(needle):]
                except (OSError, OverflowError, ValueError):
                    pass
    except OSError:
        closed += 1
processes = [p for p in glob.glob("/proc/[0-9]*") if p != "/proc/" + me]
if place == "environment":
    for p in processes:
        read(p + "/environ"); read(p + "/cmdline")
elif place == "files":
    for folder, folders, names in os.walk("/"):
        folders[:] = [d for d in folders if os.path.join(folder, d) not in ("/proc", "/sys", "/dev")]
        for n in names:
            path = os.path.join(folder, n)
            if os.path.isfile(path): read(path)
else:
    for p in processes:
        try:
            maps = open(p + "/maps").read()
        except OSError:
            closed += 1; continue
        areas = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r.*$", maps, re.M)]
        read(p + "/mem", areas)
print("nothing: looked into %d, %d could not be opened" % (looked, closed))
`;

/** Looks for the credential from the agent's container of a pod. */
export async function search(ground: Ground, place: Place, pod: typeof VICTIM | typeof HOLDER): Promise<Outcome> {
  const pieces = [CREDENTIAL.slice(0, 8), CREDENTIAL.slice(8)];
  const ended = await ground.inAgent(['python3', '-c', PROGRAM, place, ...pieces], pod);
  return outcomeOf(ended, ended.stdout.includes('found the credential'));
}
