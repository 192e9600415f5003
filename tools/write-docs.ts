/** `npm run docs`: writes the generated pages anew. */
import { writeDocs } from './generated-docs.ts';

writeDocs();
