// The dashboard's variables: each is asked of Prometheus with those before it filled in, and stands at "All"
// unless the picture was asked for with a choice.
import type { DashboardModel, Shot } from './model';
import { labelValues } from './prometheus';

export type Values = Record<string, string>;

export function fill(text: string, values: Values): string {
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name) => values[name] ?? whole);
}

const escape = (value: string) => value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

export async function resolve(dashboard: DashboardModel, shot: Shot): Promise<Values> {
  const values: Values = {
    datasource: 'Prometheus',
    __range: `${Math.round(shot.to - shot.from)}s`,
    __rate_interval: `${shot.rateInterval}s`,
  };
  for (const variable of dashboard.templating.list.filter((one) => one.type === 'query')) {
    const query = typeof variable.query === 'string' ? variable.query : variable.query.query;
    const chosen = shot.choices[variable.name];
    if (chosen || variable.allValue) {
      values[variable.name] = chosen ?? variable.allValue!;
    } else {
      const found = await labelValues(fill(query, values), shot);
      values[variable.name] = `(${found.map(escape).join('|')})`;
    }
  }
  return values;
}
