// Draw the dashboard at the time and in the colours that shot.mjs asks for, and say when it is all there.
import { createTheme, type DataFrame, type GrafanaTheme2 } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PortalContainer, ThemeContext } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import { frames } from './data';
import type { DashboardModel, PanelModel, Shot } from './model';
import { Panel } from './Panel';
import { resolve } from './variables';

declare global {
  interface Window {
    shot: Shot;
    drawn?: boolean;
    failed?: string;
  }
}

const CELL = 30;
const GAP = 8;

function place({ x, y, w, h }: PanelModel['gridPos'], width: number) {
  const column = (width - GAP) / 24;
  return {
    left: GAP + x * column,
    top: y * (CELL + GAP),
    width: w * column - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

interface Drawing {
  panel: PanelModel;
  data: DataFrame[];
}

function Dashboard({ drawings, theme }: { drawings: Drawing[]; theme: GrafanaTheme2 }) {
  const width = window.innerWidth;
  const bottom = Math.max(...drawings.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <div style={{ position: 'relative', height: bottom * (CELL + GAP) + GAP, marginTop: GAP }}>
      {drawings.map(({ panel, data }) => {
        const at = place(panel.gridPos, width);
        return (
          <div key={panel.id} style={{ position: 'absolute', ...at }}>
            {panel.type === 'row' ? (
              <h4 style={{ margin: '8px 0', fontWeight: 500 }}>
                {panel.collapsed ? '›' : '⌄'} {panel.title}
              </h4>
            ) : (
              <Panel panel={panel} frames={data} width={at.width} height={at.height} shot={window.shot} theme={theme} />
            )}
          </div>
        );
      })}
    </div>
  );
}

// JSON has no infinity: as Grafana does, put it back where the lowest of some thresholds lost it.
function restored(key: string, value: any): any {
  return key === 'steps' ? value.map((step: any) => ({ ...step, value: step.value ?? -Infinity })) : value;
}

function opened(panel: PanelModel): PanelModel[] {
  return panel.panels?.length ? [{ ...panel, collapsed: false }, ...panel.panels] : [panel];
}

async function draw(): Promise<void> {
  const theme = createTheme({ colors: { mode: window.shot.mode } });
  await initPluginTranslations('grafana', []);
  const dashboard: DashboardModel = JSON.parse(await (await fetch('/dashboard.json')).text(), restored);
  const values = await resolve(dashboard, window.shot);
  const panels = window.shot.expand ? dashboard.panels.flatMap(opened) : dashboard.panels;
  const drawings = await Promise.all(
    panels.map(async (panel) => ({
      panel,
      data: panel.type === 'row' ? [] : await frames(panel, values, window.shot, theme),
    }))
  );
  createRoot(document.getElementById('root')!).render(
    <MemoryRouter>
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <Dashboard drawings={drawings} theme={theme} />
        <PortalContainer />
      </ThemeContext.Provider>
    </MemoryRouter>
  );
  await document.fonts.ready;
  window.drawn = true;
}

draw().catch((error) => (window.failed = String(error.stack ?? error)));
