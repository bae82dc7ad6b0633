using System.Collections.Concurrent;
using Ocellus.Console.Images;
using Ocellus.Refusals;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Suggestions;

/// <summary>
/// Looks at the images of the projects that people work on, in the background: makes their fingerprints once and keeps them, and asks the newest model. Nothing
/// is computed for a project that no page asks about.
/// </summary>
internal sealed partial class ImageWatch(
    ImageIndex index, ImageProjects projects, ImageFacts facts, ImageChanges changes, FingerprintCache cache, QuietThread quiet, TimeProvider clock,
    IHostApplicationLifetime lifetime, ILogger<ImageWatch> log)
{
    /// <summary>Images of a project that are looked at: 50 MB of fingerprints.</summary>
    public const int ImagesMax = 20_000;

    /// <summary>How long a project is looked at after a page last asked, and how long what was found stays in memory.</summary>
    public static readonly TimeSpan WantedFor = TimeSpan.FromMinutes(2), KeptFor = TimeSpan.FromMinutes(15);

    /// <summary>Projects in memory; beyond that the one unasked for longest goes.</summary>
    private const int ProjectsMax = 5;

    /// <summary>After this the images are read again even if the console changed none: other clients may have.</summary>
    private static readonly TimeSpan _readEvery = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<string, LookedAt> _projects = new(StringComparer.Ordinal);

    /// <summary>What is known of a project now; more is being found while pages ask.</summary>
    /// <param name="project">The project, with the rights of its caller.</param>
    /// <param name="model">The version to ask, if there is one.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="RefusedException">Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<LookedAt> OfAsync(ImageProject project, NewestModel? model, CancellationToken cancel)
    {
        await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
        var now = clock.GetUtcNow();
        // For each person: nobody learns anything of images that only another may read.
        var owner = $"{project.Arn} {project.Caller.UserName}";
        Trim(now, owner);
        var state = _projects.GetOrAdd(owner, _ => new());
        await state.Reading.WaitAsync(cancel);
        try
        {
            var seq = changes.Seq(project.Arn);
            if (state.Seq != seq || now - state.ReadAt > _readEvery)
            {
                var images = await ReadAsync(project, cancel);
                lock (state.Gate)
                {
                    if (!images.SequenceEqual(state.Images, SeenImage.ByContent))
                    {
                        state.Reads++;
                    }

                    (state.Images, state.Seq, state.ReadAt) = (images, seq, now);
                }
            }
        }
        finally
        {
            state.Reading.Release();
        }

        lock (state.Gate)
        {
            state.Wanted = now;
            if (state.Works)
            {
                return state;
            }

            state.Works = true;
        }

        _ = Task.Run(() => WorkAsync(state, project, model), CancellationToken.None);
        return state;
    }

    /// <summary>The content of an image, if the caller may read it and it can be read; null otherwise.</summary>
    public async Task<(ImageFact Fact, byte[]? Content)?> FindAsync(ImageProject project, string image, CancellationToken cancel)
    {
        try
        {
            var (bucket, key) = await projects.RequireReadAsync(project, image, cancel);
            return await facts.NowAsync(image, bucket, key, cancel);
        }
        catch (Exception unreadable) when (unreadable is ImageRefusedException or RefusedException)
        {
            return null;
        }
    }

    /// <summary>The content of an image that <see cref="FindAsync"/> found.</summary>
    public async Task<byte[]> ContentAsync(ImageProject project, string image, CancellationToken cancel)
    {
        var (bucket, key) = await projects.RequireReadAsync(project, image, cancel);
        return await facts.ContentAsync(bucket, key, cancel);
    }

    private async Task<IReadOnlyList<SeenImage>> ReadAsync(ImageProject project, CancellationToken cancel)
    {
        var images = new List<SeenImage>();
        foreach (var set in project.Sets)
        {
            long? after = 0;
            while (after is { } from && images.Count < ImagesMax)
            {
                var chunk = await index.ChunkAsync(project, set, from, Math.Min(ImageIndex.ChunkMax, ImagesMax - images.Count), cancel);
                images.AddRange(chunk.Ordinals.Select((ordinal, i) => new SeenImage(
                    set, ordinal, chunk.Prefix + chunk.Names[i], chunk.Versions[i], chunk.Revisions[i], [.. chunk.Labels[i].Select(l => chunk.LabelNames[l])],
                    chunk.Flags[i])));
                after = chunk.Next;
            }
        }

        return images;
    }

    private async Task WorkAsync(LookedAt state, ImageProject project, NewestModel? model)
    {
        var cancel = lifetime.ApplicationStopping;
        try
        {
            while (!cancel.IsCancellationRequested && Next(state, model) is var (image, byModel))
            {
                if (byModel)
                {
                    await AskAsync(state, project, model!, image, cancel);
                }
                else
                {
                    await LookAsync(state, project, image, cancel);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops; what is on disk is found there at its next start.
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or ObjectDisposedException or System.Data.Common.DbException
            or Microsoft.ML.OnnxRuntime.OnnxRuntimeException)
        {
            // The next question begins anew.
            Stopped(log, project.Name, failure);
        }
        finally
        {
            lock (state.Gate)
            {
                state.Works = false;
            }
        }
    }

    /// <summary>The next image to look at; what the model says of open images comes first. Null when there is nothing to do, or nobody asks any more.</summary>
    private (SeenImage Image, bool ByModel)? Next(LookedAt state, NewestModel? model)
    {
        lock (state.Gate)
        {
            if (clock.GetUtcNow() - state.Wanted > WantedFor)
            {
                return null;
            }

            if (model is { IsBoxes: false } && state.Images.FirstOrDefault(i => i.IsOpen && !HasScores(state, model, i)) is { } open)
            {
                return (open, true);
            }

            // Labelled ones first: a head needs them.
            var image = state.Images.FirstOrDefault(i => i.IsKnown && !state.HasPrint(i)) ?? state.Images.FirstOrDefault(i => !state.HasPrint(i));
            return image is null ? null : (image, false);
        }
    }

    private static bool HasScores(LookedAt state, NewestModel model, SeenImage image) =>
        state.Scores.TryGetValue(image.Image, out var scores) && (scores is null || scores.VersionArn == model.Arn);

    private async Task LookAsync(LookedAt state, ImageProject project, SeenImage image, CancellationToken cancel)
    {
        ImageFingerprint? print = null;
        var version = image.Version;
        if (await FindAsync(project, image.Image, cancel) is var (fact, content))
        {
            version = fact.Version;
            print = await cache.FindAsync(fact.Sha256, cancel);
            if (print is null)
            {
                content ??= await ContentAsync(project, image.Image, cancel);
                print = await quiet.RunAsync(n => OrNull(() => n.Embedder.Fingerprint(content)), urgent: false, cancel);
                if (print is not null)
                {
                    await cache.PutAsync(fact.Sha256, print, cancel);
                }
            }
        }

        lock (state.Gate)
        {
            state.Prints[image.Image] = (version, print);
            // The index knows the content's version from the next read on; until then the image would be looked at again and again.
            if (version != image.Version && image.Version.Length > 0)
            {
                state.Images = [.. state.Images.Select(i => i.Image == image.Image ? i with { Version = version } : i)];
                (state.Seq, state.Reads) = (-1, state.Reads + 1);
            }

            state.Revision++;
        }
    }

    private async Task AskAsync(LookedAt state, ImageProject project, NewestModel model, SeenImage image, CancellationToken cancel)
    {
        ModelScores? scores = null;
        if (await FindAsync(project, image.Image, cancel) is var (_, content))
        {
            content ??= await ContentAsync(project, image.Image, cancel);
            scores = await quiet.RunAsync(n => OrNull(() => model.Scores(n, content)), urgent: false, cancel);
        }

        lock (state.Gate)
        {
            state.Scores[image.Image] = scores;
            state.Revision++;
        }
    }

    private static T? OrNull<T>(Func<T> look)
        where T : class
    {
        try
        {
            return look();
        }
        catch (ImageRefusedException)
        {
            return null;
        }
    }

    private void Trim(DateTimeOffset now, string asked)
    {
        foreach (var (owner, state) in _projects.OrderBy(p => p.Value.Wanted).ToList())
        {
            if (owner != asked && !state.Works && (now - state.Wanted > KeptFor || _projects.Count > ProjectsMax))
            {
                _projects.TryRemove(owner, out _);
            }
        }
    }

    [LoggerMessage(1721, LogLevel.Warning, "Images of project {Project} are not looked at further until a page asks again")]
    private static partial void Stopped(ILogger log, string project, Exception failure);
}
