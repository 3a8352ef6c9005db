/** The middle value. Figures of a shared machine have outliers in one direction; a mean would follow them. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, median absolute deviation, extremes. */
export function summary(values) {
  const middle = median(values);
  return {
    median: middle,
    mad: median(values.map((value) => Math.abs(value - middle))),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}
