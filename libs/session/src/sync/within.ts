/** Gives up waiting after `deadlineMs`; what was waited for goes on unheard. */
export async function within<T>(deadlineMs: number, pending: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${deadlineMs} ms`));
    }, deadlineMs).unref();
  });
  return Promise.race([pending, deadline]).finally(() => {
    clearTimeout(timer);
  });
}
