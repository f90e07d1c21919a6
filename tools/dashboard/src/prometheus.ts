// Ask Prometheus (behind the server's /prometheus) and make Grafana's data frames of its answers.
import { createDataFrame, FieldType, type DataFrame } from '@grafana/data';
import type { Shot, Target } from './model';

type Labels = Record<string, string>;
interface Series {
  metric: Labels;
  value?: [number, string];
  values?: Array<[number, string]>;
}

async function ask(path: string, parameters: Record<string, string>): Promise<any> {
  const answer = await fetch(`/prometheus/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  });
  const body = await answer.json();
  if (body.status !== 'success') {
    throw new Error(`${body.error}\n${parameters.query}`);
  }
  return body.data;
}

/** The values of `label_values(SELECTOR, LABEL)` over the time of the picture. */
export async function labelValues(query: string, shot: Shot): Promise<string[]> {
  const [, selector, label] = /^label_values\((.*),\s*(\w+)\)$/.exec(query) ?? [];
  const range = { start: String(shot.from), end: String(shot.to) };
  const found: Labels[] = await ask('series', { 'match[]': selector, ...range });
  return [...new Set(found.map((labels) => labels[label]).filter(Boolean))].sort();
}

/** The frames that one target of a panel gives. Missing samples of a range are gaps, as in Grafana. */
export async function run(target: Target, alone: boolean, step: number, shot: Shot): Promise<DataFrame[]> {
  if (target.instant) {
    const { result } = await ask('query', { query: target.expr, time: String(shot.to) });
    return result.length > 0 ? [table(target, result, alone)] : [];
  }
  const start = Math.floor(shot.from / step) * step;
  const range = { start: String(start), end: String(shot.to), step: String(step) };
  const { result } = await ask('query_range', { query: target.expr, ...range });
  return result.map((series: Series) => line(target, series, start, step, shot.to));
}

function line(target: Target, series: Series, start: number, step: number, end: number): DataFrame {
  // What is not a number is a gap: a quantile of nothing, a division by zero.
  const numbers = series.values!.filter(([, value]) => value !== 'NaN');
  const known = new Map(numbers.map(([time, value]) => [time, Number(value)]));
  const times: number[] = [];
  for (let time = start; time <= end; time += step) {
    times.push(time);
  }
  const name = legend(target.legendFormat, series.metric);
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: times.map((time) => time * 1000), config: { interval: step * 1000 } },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        values: times.map((time) => known.get(time) ?? null),
        config: { displayNameFromDS: name },
      },
    ],
  });
}

function table(target: Target, result: Series[], alone: boolean): DataFrame {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((series) => series.value![0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: result.map((series) => series.metric[label] ?? ''),
      })),
      {
        name: alone ? 'Value' : `Value #${target.refId}`,
        type: FieldType.number,
        values: result.map((series) => Number(series.value![1])),
      },
    ],
  });
}

function legend(format: string | undefined, labels: Labels): string {
  if (!format || format === '__auto') {
    return Object.values(labels).join(' ');
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}
