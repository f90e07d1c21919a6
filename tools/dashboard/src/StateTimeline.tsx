// Grafana keeps its state timeline to itself (it is in no published package), so this one panel is drawn here,
// from the same frames, mappings and colours: a bar of rectangles for each series, cut where the value changes.
import { type DataFrame, dateTimeFormat, getDisplayProcessor, type GrafanaTheme2 } from '@grafana/data';
import { VizLegend } from '@grafana/ui';
import { LegendDisplayMode } from '@grafana/schema';

interface Props {
  frames: DataFrame[];
  width: number;
  height: number;
  from: number;
  to: number;
  rowHeight: number;
  theme: GrafanaTheme2;
}

interface Run {
  start: number;
  end: number;
  value: number | null;
}

const AXIS = 22;
const LEGEND = 26;

function runs(frame: DataFrame, end: number): Run[] {
  const [times, values] = frame.fields.map((field) => field.values);
  const found: Run[] = [];
  times.forEach((start: number, index: number) => {
    const value = values[index] ?? null;
    if (found.at(-1)?.value !== value || index === 0) {
      found.push({ start, end, value });
    }
  });
  found.forEach((run, index) => (run.end = found[index + 1]?.start ?? end));
  return found.filter((run) => run.value !== null);
}

export function StateTimeline({ frames, width, height, from, to, rowHeight, theme }: Props) {
  const names = frames.map((frame) => frame.fields[1].config.displayNameFromDS ?? frame.name ?? '');
  const left = Math.min(width / 3, 12 + Math.max(...names.map((name) => name.length)) * 6.6);
  const row = (height - AXIS - LEGEND) / frames.length;
  const x = (time: number) => left + ((time - from) / (to - from)) * (width - left - 8);
  const ticks = Array.from({ length: 6 }, (_, index) => from + ((index + 0.5) / 6) * (to - from));
  const shown = new Map<string, string>();
  const bars = frames.map((frame, index) => {
    const field = frame.fields[1];
    const display = getDisplayProcessor({ field, theme });
    return runs(frame, to).map((run) => {
      const { text, color } = display(run.value);
      shown.set(text, color ?? theme.colors.text.secondary);
      const top = index * row + (row * (1 - rowHeight)) / 2;
      const size = { x: x(run.start), width: Math.max(1, x(run.end) - x(run.start)), y: top, height: row * rowHeight };
      return <rect key={`${index} ${run.start}`} {...size} fill={color} fillOpacity={0.85} />;
    });
  });
  const text = { fill: theme.colors.text.primary, fontSize: 12, fontFamily: theme.typography.fontFamily };
  return (
    <div>
      <svg width={width} height={height - LEGEND}>
        {bars}
        {names.map((name, index) => (
          <text key={name} {...text} x={left - 8} y={(index + 0.5) * row} textAnchor="end" dominantBaseline="central">
            {name}
          </text>
        ))}
        {ticks.map((time) => (
          <text key={time} {...text} x={x(time)} y={height - LEGEND - 5} textAnchor="middle">
            {dateTimeFormat(time, { format: 'HH:mm', timeZone: 'utc' })}
          </text>
        ))}
      </svg>
      <VizLegend
        displayMode={LegendDisplayMode.List}
        placement="bottom"
        items={[...shown].map(([label, color]) => ({ label, color, yAxis: 1 }))}
      />
    </div>
  );
}
