/** Runs on a thread of its own: one piece of work on one large database. */
import { perform, type Task } from './sqlite-workshop.ts'
import { given, toParent } from './thread.ts'

toParent(await perform(given as Task))
