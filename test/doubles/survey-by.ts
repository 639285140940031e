import { DiskError, type FileStat } from '../../src/host/disk.ts'
import { surveying, type Survey } from '../../src/host/survey.ts'

/** For a disk whose every look may fail by itself. */
export async function surveyBy(
  dir: string,
  names: readonly string[],
  stat: (path: string) => Promise<FileStat | undefined>,
): Promise<Survey> {
  const survey = surveying(names.length)
  for (const name of names) {
    try {
      const seen = await stat(`${dir}/${name}`)
      if (seen !== undefined) survey.note(name, seen)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      survey.failed(error)
    }
  }
  return survey.finish()
}
