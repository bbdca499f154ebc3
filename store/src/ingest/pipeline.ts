/**
 * Answers each request of a stream in order, and works on up to `inFlightMax` of them at once. No more requests are read while that
 * many wait, nor before `free` settles, so the sender is held back. Once `stopping` aborts none are read either: what was read is answered, and the
 * stream ends.
 */
export async function* pipeline<Request, Response>(
  requests: AsyncIterable<Request>,
  answer: (request: Request) => Promise<Response>,
  inFlightMax: number,
  stopping: AbortSignal,
  free: () => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<Response> {
  const iterator = requests[Symbol.asyncIterator]();
  const waiting: Promise<Response>[] = [];
  let endReading = (): void => undefined;
  const stop = (): void => endReading();
  const read = (): Promise<IteratorResult<Request>> => {
    const next = new Promise<IteratorResult<Request>>((resolve, reject) => {
      endReading = () => resolve({ done: true, value: undefined });
      if (stopping.aborted) endReading();
      else
        free().then(() => {
          if (!stopping.aborted) iterator.next().then(resolve, reject);
        }, reject);
    });
    // It may fail while an answer is awaited; it is looked at afterwards.
    next.catch(() => undefined);
    return next;
  };
  stopping.addEventListener('abort', stop);
  try {
    let next: Promise<IteratorResult<Request>> | undefined = read();
    while (next !== undefined || waiting.length > 0) {
      const [first] = waiting;
      const full = waiting.length >= inFlightMax;
      if (next !== undefined && !full && (first === undefined || (await arrivesBefore(next, first)))) {
        const request: IteratorResult<Request> = await next;
        next = request.done === true ? undefined : read();
        if (request.done !== true) waiting.push(answer(request.value));
      } else if (first !== undefined) {
        yield await first;
        void waiting.shift();
      }
    }
  } finally {
    stopping.removeEventListener('abort', stop);
  }
}

/** Whether the request is there and the answer is not. */
function arrivesBefore(request: Promise<unknown>, answer: Promise<unknown>): Promise<boolean> {
  return Promise.race([answer.then(() => false), request.then(() => true)]);
}
