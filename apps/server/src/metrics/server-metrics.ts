import { Injectable } from '@nestjs/common';
import { type MetricSample, SessionMetrics } from 'nestjs-identity-session';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** The metrics of sessions and of the process, in a registry of their own, so that two servers in one process are two. */
@Injectable()
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();

  constructor(private readonly sessions: SessionMetrics) {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything as it is now, in the text format of Prometheus. */
  async text(): Promise<string> {
    const samples = this.sessions.collect();
    for (const metric of [...this.#counters.values(), ...this.#gauges.values()]) metric.reset();
    for (const sample of samples) this.#take(sample);
    return this.#registry.metrics();
  }

  #take({ name, help, type, value, labels = {} }: MetricSample): void {
    const configuration = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
    if (type === 'counter') made(this.#counters, name, () => new Counter(configuration)).inc(labels, value);
    else made(this.#gauges, name, () => new Gauge(configuration)).set(labels, value);
  }
}

function made<T>(metrics: Map<string, T>, name: string, make: () => T): T {
  const metric = metrics.get(name) ?? make();
  metrics.set(name, metric);
  return metric;
}
