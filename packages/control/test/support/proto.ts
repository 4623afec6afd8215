/** Protobuf messages by hand, field by field. */
type Value = Buffer | string;

export const text = (field: number, value: Value): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value as string)]);
export const uint = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
export const message = (field: number, ...parts: Buffer[]): Buffer => text(field, Buffer.concat(parts));

export function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.of(...bytes, value);
}

/** io.prometheus.client, for StreamMetricsMessage.envoy_metrics. */
const labelPairs = (labels: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(Object.entries(labels).map(([name, value]) => message(1, text(1, name), text(2, value))));

type MetricLabels = Readonly<Record<string, string>>;

export const counterFamily = (name: string, timeMs: number, ...metrics: readonly [MetricLabels, number][]): Buffer =>
  message(
    2,
    text(1, name),
    uint(3, 0),
    ...metrics.map(([labels, value]) => message(4, labelPairs(labels), message(3, double(1, value)), uint(6, timeMs))),
  );

/** `buckets`: upper bounds and how many are below each. */
export const histogramFamily = (
  name: string,
  timeMs: number,
  labels: MetricLabels,
  { count, sum, buckets }: { count: number; sum: number; buckets: readonly (readonly [number, number])[] },
): Buffer =>
  message(
    2,
    text(1, name),
    uint(3, 4),
    message(
      4,
      labelPairs(labels),
      message(
        7,
        uint(1, count),
        double(2, sum),
        ...buckets.map(([bound, below]) => message(3, uint(1, below), double(2, bound))),
      ),
      uint(6, timeMs),
    ),
  );
