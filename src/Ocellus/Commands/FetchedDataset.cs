using Ocellus.Formats;
using Ocellus.Training.Job;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary>A dataset of a server in a folder of its own, which goes when it is disposed of: for verbs that read labelled images from disk.</summary>
internal sealed class FetchedDataset : IDisposable
{
    private FetchedDataset(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>How the folder is read.</summary>
    public SourceOptions Options => new() { Format = DataFormat.Manifest, Images = Path.Combine(Folder, DatasetDownload.Pictures) };

    /// <summary>Brings a dataset, or both of a project, to this machine.</summary>
    /// <exception cref="ServiceException">Refused.</exception>
    public static async Task<FetchedDataset> GetAsync(ServiceEndpoint endpoint, string arn, Terminal terminal, CancellationToken cancel)
    {
        using var client = new ServiceClient(endpoint);
        var sets = await DatasetDownload.FindAsync(client, arn, cancel);
        var fetched = new FetchedDataset(Directory.CreateTempSubdirectory("ocellus-dataset-").FullName);
        try
        {
            return await terminal.ShowAsync(async progress =>
            {
                var download = new DatasetDownload(
                    client, fetched.Folder, (what, step, steps) => progress.Report(new JobProgress(what, step, steps, null, null)));
                foreach (var (type, set) in sets)
                {
                    await download.RunAsync(type, set, withPictures: true, cancel);
                }

                foreach (var refusal in download.Refusals)
                {
                    terminal.Remark($"Left out: {refusal}");
                }

                return fetched;
            });
        }
        catch
        {
            fetched.Dispose();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
