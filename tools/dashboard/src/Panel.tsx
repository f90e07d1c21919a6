// One panel: its frame, and inside it the component of @grafana/ui that Grafana draws this type with.
import { type DataFrame, dateTime, FieldType, getFieldDisplayValues, type GrafanaTheme2 } from '@grafana/data';
import { BigValue, type BigValueColorMode, type BigValueGraphMode, PanelChrome, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import type { PanelModel, Shot } from './model';
import { StateTimeline } from './StateTimeline';

interface Props {
  panel: PanelModel;
  frames: DataFrame[];
  width: number;
  height: number;
  shot: Shot;
  theme: GrafanaTheme2;
}

export function Panel(props: Props) {
  const { panel, width, height } = props;
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding="md">
      {(inner, tall) => <Content {...props} width={inner} height={tall} />}
    </PanelChrome>
  );
}

function Content({ panel, frames, width, height, shot, theme }: Props) {
  const { options } = panel;
  if (panel.type === 'stat') {
    const [shown] = getFieldDisplayValues({
      data: frames,
      fieldConfig: panel.fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables: (text) => text,
      sparkline: true,
      theme,
    });
    return (
      <BigValue
        value={shown.display}
        sparkline={shown.sparkline}
        colorMode={options.colorMode as BigValueColorMode}
        graphMode={options.graphMode as BigValueGraphMode}
        justifyMode={options.justifyMode}
        textMode={options.textMode}
        width={width}
        height={height}
        theme={theme}
      />
    );
  }
  // A table may have texts only.
  const numbers = frames.filter((frame) =>
    frame.fields.some((field) => panel.type === 'table' || field.type === FieldType.number)
  );
  if (numbers.length === 0 || numbers[0].length === 0) {
    return <Empty text={panel.fieldConfig.defaults.noValue ?? 'No data'} height={height} theme={theme} />;
  }
  if (panel.type === 'table') {
    return (
      <TableNG
        data={numbers[0]}
        width={width}
        height={height}
        cellHeight={options.cellHeight}
        sortBy={options.sortBy}
        fieldConfig={panel.fieldConfig}
      />
    );
  }
  if (panel.type === 'state-timeline') {
    const times = { from: shot.from * 1000, to: shot.to * 1000 };
    return <StateTimeline {...{ frames, width, height, theme, ...times }} rowHeight={options.rowHeight} />;
  }
  if (panel.type === 'timeseries') {
    const [from, to] = [dateTime(shot.from * 1000), dateTime(shot.to * 1000)];
    return (
      <TimeSeries
        frames={frames}
        width={width}
        height={height}
        timeRange={{ from, to, raw: { from, to } }}
        timeZone="utc"
        legend={options.legend}
      />
    );
  }
  throw new Error(`no component is known for a panel of type ${panel.type}`);
}

function Empty({ text, height, theme }: { text: string; height: number; theme: GrafanaTheme2 }) {
  return (
    <div style={{ height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary }}>{text}</div>
  );
}
