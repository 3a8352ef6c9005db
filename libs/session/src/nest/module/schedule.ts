/** Calls `task` once after `delayMs` unless the answer is called before. Keeps no process alive. */
export function schedule(task: () => void, delayMs: number): () => void {
  const timer = setTimeout(task, delayMs).unref();
  return () => {
    clearTimeout(timer);
  };
}
