/**
 * Answers each request of a stream in order, and works on up to `inFlightMax` of them at once. No more requests are read while that
 * many wait, so the sender is held back.
 */
export async function* pipeline<Request, Response>(
  requests: AsyncIterable<Request>,
  answer: (request: Request) => Promise<Response>,
  inFlightMax: number,
): AsyncGenerator<Response> {
  const iterator = requests[Symbol.asyncIterator]();
  const waiting: Promise<Response>[] = [];
  const read = (): Promise<IteratorResult<Request>> => {
    const next = iterator.next();
    // It may fail while an answer is awaited; it is looked at afterwards.
    next.catch(() => undefined);
    return next;
  };
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
}

/** Whether the request is there and the answer is not. */
function arrivesBefore(request: Promise<unknown>, answer: Promise<unknown>): Promise<boolean> {
  return Promise.race([answer.then(() => false), request.then(() => true)]);
}
