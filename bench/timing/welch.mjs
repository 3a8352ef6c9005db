/** Mean, variance of the mean's estimate, and number. */
function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: variance / values.length };
}

/** Welch's t: below 4.5 two samples are not told apart, by the threshold of test vector leakage assessment. */
export function welch(a, b) {
  const [x, y] = [moments(a), moments(b)];
  return (x.mean - y.mean) / Math.sqrt(x.error + y.error);
}

export function quantile(values, part) {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/**
 * Both samples without what lies above one bound for both: pauses of the machine hide what an attacker would find who
 * leaves them out as well.
 */
export function cropped(a, b, part) {
  const bound = quantile([...a, ...b], part);
  return [a.filter((value) => value <= bound), b.filter((value) => value <= bound)];
}
