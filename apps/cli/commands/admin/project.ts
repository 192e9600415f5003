/** `admin project …`. */
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import { operatorCommand } from '../../operator-call.ts';
import { tableLines } from '../../table.ts';

export const create = operatorCommand({
  route: 'createProject',
  positionals: [{ name: 'name', help: 'name of the project', required: true }],
  body: (input) => ({ name: input.text('name') }),
  lines: ({ projectId }) => [projectId],
  hints: ({ projectId }) => [['next', `sikkerkey admin secret create <name> --project ${projectId}`]],
});

export const list = operatorCommand({
  route: 'listProjects',
  body: () => ({}),
  lines: ({ projects }, _input, cells) =>
    projects.length === 0
      ? ['no projects']
      : tableLines(
          ['PROJECT', 'NAME', 'SECRETS', 'MACHINES', 'CREATED'],
          projects.map((project) => [
            project.projectId,
            project.name,
            String(project.secrets),
            String(project.machines),
            instantWords(project.createdAt),
          ]),
          cells,
        ),
  hints: ({ projects }) => (projects.length === 0 ? [['next', 'sikkerkey admin project create <name>']] : []),
});
