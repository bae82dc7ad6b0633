using Ocellus.Console.Images;
using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Formats;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Importing;

/// <summary>The images of a project as the pictures of a source: files of labels without pictures are matched with them by name.</summary>
internal sealed class ProjectPictures : SourceTree
{
    private const int PageSize = 5000;

    private readonly ImageProjects _projects;
    private readonly ImageFacts _facts;
    private readonly ImageProject _project;
    private readonly Dictionary<string, StoredImage> _images = new(StringComparer.Ordinal);

    private ProjectPictures(ImageProjects projects, ImageFacts facts, ImageProject project)
        : base(SourceLimits.Default) => (_projects, _facts, _project) = (projects, facts, project);

    /// <summary>Reads the names of a project's images. One that is in both sets is that of the training set.</summary>
    /// <exception cref="RefusedException">Denied: the person may not list them. NotReady or InUse: a job holds a dataset.</exception>
    public static async Task<ProjectPictures> ReadAsync(
        ImageProjects projects, ImageFacts facts, DatasetCatalog datasets, ImageProject project, CancellationToken cancel)
    {
        var pictures = new ProjectPictures(projects, facts, project);
        await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
        foreach (var set in project.Sets.OrderByDescending(s => s, StringComparer.Ordinal))
        {
            for (long? after = 0; after is not null;)
            {
                var page = await datasets.PageAsync(project.Caller, project.Get(set).Arn, after.Value, PageSize, cancel);
                foreach (var (entry, _) in page)
                {
                    pictures.Add(set, entry.SourceRef);
                }

                after = page.Count == PageSize ? page[^1].Entry.Ordinal : null;
            }
        }

        return pictures;
    }

    /// <summary>The image that a picture's name stands for.</summary>
    public StoredImage Of(string name) => _images[name];

    public override string? PathOnDisk(string name) => null;

    public override long Length(string name) => Content(name).Length;

    public override Stream Open(string name) => new MemoryStream(Content(name), writable: false);

    public override ImageHeader? KnownHeader(string name) =>
        Read(name, async (image, bucket, key) => (await _facts.NowAsync(image, bucket, key, CancellationToken.None)).Fact.Header);

    protected override IEnumerable<string> Names(Findings findings) => _images.Keys.Order(StringComparer.Ordinal);

    private void Add(string set, string sourceRef)
    {
        if (!LineParser.TrySplit(sourceRef, out var bucket, out var key))
        {
            return;
        }

        // The console's own uploads are named as they were dropped, below the project's name.
        var name = key.StartsWith(_project.Name + "/", StringComparison.Ordinal) ? key[(_project.Name.Length + 1)..] : key;
        if (_images.TryGetValue(name, out var other) && other.SourceRef != sourceRef)
        {
            name = $"{bucket}/{key}";
        }

        _images.TryAdd(name, new(set, sourceRef));
    }

    private byte[] Content(string name) => Read(name, (_, bucket, key) => _facts.ContentAsync(bucket, key, CancellationToken.None));

    /// <summary>Reads from the store. Readers of formats are synchronous, and run on a thread of their own.</summary>
    private T Read<T>(string name, Func<string, string, string, Task<T>> read)
    {
        try
        {
            var image = _images[name].SourceRef;
            return Task.Run(async () =>
            {
                var (bucket, key) = await _projects.RequireReadAsync(_project, image, CancellationToken.None);
                return await read(image, bucket, key);
            }).GetAwaiter().GetResult();
        }
        catch (RefusedException refusal)
        {
            throw new InvalidDataException(refusal.Message, refusal);
        }
    }
}

/// <summary>An image of a project.</summary>
/// <param name="Set">Where it is.</param>
/// <param name="SourceRef">Its address.</param>
internal readonly record struct StoredImage(string Set, string SourceRef);
