/** How long `work` kept a processor busy, in milliseconds: what others do on the machine meanwhile does not count. */
export function cpuTimeOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
