// The parts of a dashboard's JSON that are drawn, and what a picture is taken of.
import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Target {
  expr: string;
  refId: string;
  legendFormat?: string;
  instant?: boolean;
}

export interface PanelModel {
  id: number;
  type: string;
  title: string;
  description?: string;
  collapsed?: boolean;
  /** What a collapsed row hides, placed as where it stands open. */
  panels?: PanelModel[];
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  transformations?: DataTransformerConfig[];
  fieldConfig: FieldConfigSource;
  options: any;
}

export interface VariableModel {
  name: string;
  label?: string;
  type: string;
  query: { query: string } | string;
  allValue?: string;
}

export interface DashboardModel {
  title: string;
  panels: PanelModel[];
  templating: { list: VariableModel[] };
}

/** From and to are seconds since the epoch; rateInterval is the shortest window of a rate, in seconds; expand opens every row. */
export interface Shot {
  from: number;
  to: number;
  mode: 'dark' | 'light';
  rateInterval: number;
  choices: Record<string, string>;
  expand: boolean;
}
