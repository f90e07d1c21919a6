// From a panel's targets to the frames that its component draws: queries, transformations, field overrides.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  FieldConfigOptionsRegistry,
  type DataFrame,
  type FieldConfigPropertyItem,
  type GrafanaTheme2,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import type { PanelModel, Shot } from './model';
import { run } from './prometheus';
import { fill, type Values } from './variables';

standardTransformersRegistry.setInit(() =>
  [...new Set<any>(Object.values(standardTransformers))].map((transformer) => ({
    id: transformer.id,
    name: transformer.name,
    transformation: () => Promise.resolve(transformer),
    imageDark: '',
    imageLight: '',
    editor: () => null,
  }))
);

export async function frames(panel: PanelModel, values: Values, shot: Shot, theme: GrafanaTheme2): Promise<DataFrame[]> {
  const width = (panel.gridPos.w / 24) * 1500;
  const step = Math.max(shot.rateInterval / 4, Math.ceil((shot.to - shot.from) / width / 15) * 15);
  const targets = (panel.targets ?? []).map((target) => ({ ...target, expr: fill(target.expr, values) }));
  const answers = await Promise.all(targets.map((target) => run(target, targets.length === 1, step, shot)));
  const data = await lastValueFrom(transformDataFrame(panel.transformations ?? [], answers.flat()));
  const shown = applyFieldOverrides({
    data,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry(panel),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(shown);
  return shown;
}

// Grafana registers the properties of each panel type; here those that this panel uses are enough.
function registry(panel: PanelModel): FieldConfigOptionsRegistry {
  const standard = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'noValue', 'mappings', 'thresholds'];
  const custom = [
    ...Object.keys(panel.fieldConfig.defaults.custom ?? {}),
    ...panel.fieldConfig.overrides
      .flatMap((override) => override.properties.map((property) => property.id))
      .filter((id) => id.startsWith('custom.'))
      .map((id) => id.slice('custom.'.length)),
  ];
  const item = (path: string, isCustom: boolean): FieldConfigPropertyItem =>
    ({
      id: isCustom ? `custom.${path}` : path,
      path,
      isCustom,
      name: path,
      process: identityOverrideProcessor,
      shouldApply: () => true,
    }) as unknown as FieldConfigPropertyItem;
  return new FieldConfigOptionsRegistry(() => [
    ...standard.map((path) => item(path, false)),
    ...[...new Set(custom)].map((path) => item(path, true)),
  ]);
}
