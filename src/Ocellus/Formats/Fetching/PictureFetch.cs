using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Formats.Fetching;

/// <summary>
/// Fetches pictures from the addresses that a source names, to a folder of its own. A picture that is there is not fetched again, so an interrupted run goes
/// on where it was. What cannot be fetched is told and hinders no other.
/// </summary>
/// <param name="folder">The folder; made if there is none.</param>
/// <param name="limits">Limits.</param>
internal sealed class PictureFetch(string folder, FetchLimits limits) : IDisposable
{
    /// <summary>A file that tells such a folder from one that somebody has by the same name.</summary>
    private const string Mark = ".ocellus-fetched";

    private const int ChunkBytes = 1 << 16;

    /// <summary>Bytes that tell what kind of picture a file is.</summary>
    private const int HeadBytes = 64;

    private readonly HttpClient _client = Client(limits, useProxy: true);

    /// <summary>For this machine itself, which no proxy is asked about.</summary>
    private readonly HttpClient _local = Client(limits, useProxy: false);

    private readonly ConcurrentDictionary<string, int> _silences = new(StringComparer.Ordinal);
    private long _bytes;
    private int _fetched;

    /// <summary>Pictures fetched.</summary>
    public int Fetched => _fetched;

    /// <summary>Bytes fetched.</summary>
    public long Bytes => _bytes;

    /// <summary>Fetches what is not in the folder.</summary>
    /// <param name="addresses">All addresses, each once.</param>
    /// <param name="pictures">What is in the folder; takes why others are not.</param>
    /// <param name="report">Takes how many are done, and of how many.</param>
    /// <param name="cancel">Ends it; what was fetched stays.</param>
    /// <exception cref="CommandRefusedException">The folder is somebody's own.</exception>
    /// <exception cref="IOException">A picture cannot be written.</exception>
    public async Task RunAsync(IReadOnlyList<Uri> addresses, FetchedPictures pictures, Action<int, int> report, CancellationToken cancel)
    {
        if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, Mark)) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new CommandRefusedException($"{folder} is in the way: fetched pictures go there. Remove it, or give it another name.");
        }

        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, Mark), "Pictures that ocellus --fetch has fetched.\n", cancel);
        var done = 0;
        await Parallel.ForEachAsync(
            addresses, new ParallelOptions { MaxDegreeOfParallelism = limits.Parallel, CancellationToken = cancel },
            async (address, token) =>
            {
                if (await FailureAsync(address, token) is { } failure)
                {
                    lock (pictures.Failures)
                    {
                        pictures.Failures[address.AbsoluteUri] = failure;
                    }
                }

                report(Interlocked.Increment(ref done), addresses.Count);
            });
    }

    public void Dispose()
    {
        _client.Dispose();
        _local.Dispose();
    }

    private static HttpClient Client(FetchLimits limits, bool useProxy)
    {
        var client = new HttpClient(new SocketsHttpHandler
        {
            MaxAutomaticRedirections = limits.RedirectsMax,
            UseCookies = false,
            UseProxy = useProxy,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxConnectionsPerServer = limits.Parallel,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("ocellus");
        client.DefaultRequestHeaders.Accept.ParseAdd("image/*");
        return client;
    }

    /// <summary>Fetches one picture; why it could not be, or null.</summary>
    private async Task<string?> FailureAsync(Uri address, CancellationToken cancel)
    {
        for (var isLast = false; ; isLast = true)
        {
            if (_silences.GetValueOrDefault(address.Authority) >= limits.SilencesMax)
            {
                return $"{address.Authority} did not answer {limits.SilencesMax} times, and was asked for nothing more.";
            }

            if (Interlocked.Read(ref _bytes) > limits.BytesMax)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{limits.BytesMax:N0} bytes were fetched, and no more are.");
            }

            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(limits.PictureTime);
            string failure;
            try
            {
                using var answer = await (address.IsLoopback ? _local : _client).GetAsync(address, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                // A picture that begins and never ends is none that came.
                var refusal = answer.IsSuccessStatusCode ? await SaveAsync(answer, address, limit.Token) : null;
                _silences[address.Authority] = 0;
                if (answer.IsSuccessStatusCode)
                {
                    return refusal;
                }

                failure = string.Create(CultureInfo.InvariantCulture, $"The server answers {(int)answer.StatusCode} {answer.ReasonPhrase}").TrimEnd() + ".";
                if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError))
                {
                    return failure;
                }
            }
            catch (Exception trouble) when (trouble is HttpRequestException or HttpIOException)
            {
                failure = $"The server does not answer: {(trouble.InnerException ?? trouble).Message.TrimEnd('.')}.";
                _silences.AddOrUpdate(address.Authority, 1, (_, count) => count + 1);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                _silences.AddOrUpdate(address.Authority, 1, (_, count) => count + 1);
                return string.Create(CultureInfo.InvariantCulture, $"It did not come within {limits.PictureTime.TotalSeconds:0} seconds.");
            }

            if (isLast)
            {
                return failure;
            }

            await Task.Delay(limits.RetryWait, TimeProvider.System, cancel);
        }
    }

    /// <summary>Reads from a server. One that breaks the connection off is told from a disk that is full, which ends everything.</summary>
    private static async Task<int> ReadAsync(Stream from, byte[] buffer, CancellationToken cancel)
    {
        try
        {
            return await from.ReadAsync(buffer, cancel);
        }
        catch (IOException broken) when (broken is not HttpIOException)
        {
            throw new HttpIOException(HttpRequestError.ResponseEnded, (broken.InnerException ?? broken).Message, broken);
        }
    }

    /// <summary>Writes the picture under a name that it does not keep until it is whole; why it cannot be taken, or null.</summary>
    private async Task<string?> SaveAsync(HttpResponseMessage answer, Uri address, CancellationToken cancel)
    {
        var tooLarge = string.Create(CultureInfo.InvariantCulture, $"It has more than {limits.PictureBytesMax:N0} bytes.");
        if (answer.Content.Headers.ContentLength > limits.PictureBytesMax)
        {
            return tooLarge;
        }

        var file = Path.Combine(folder, PictureAddress.FileOf(address).Replace('/', Path.DirectorySeparatorChar));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var part = file + ".part";
        try
        {
            var head = new byte[HeadBytes];
            long length = 0;
            await using (var from = await answer.Content.ReadAsStreamAsync(cancel))
            await using (var to = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, ChunkBytes))
            {
                var buffer = new byte[ChunkBytes];
                int got;
                while ((got = await ReadAsync(from, buffer, cancel)) > 0)
                {
                    if (length < HeadBytes)
                    {
                        buffer.AsSpan(0, (int)Math.Min(got, HeadBytes - length)).CopyTo(head.AsSpan((int)length));
                    }

                    length += got;
                    Interlocked.Add(ref _bytes, got);
                    if (length > limits.PictureBytesMax)
                    {
                        return tooLarge;
                    }

                    await to.WriteAsync(buffer.AsMemory(0, got), cancel);
                }
            }

            if (answer.Content.Headers.ContentLength is { } promised && promised != length)
            {
                return "It came only in part.";
            }

            if (LocalImage.ExtensionOf(head.AsSpan(0, (int)Math.Min(length, HeadBytes))) is not { } extension)
            {
                return $"What the server gives is no picture{(answer.Content.Headers.ContentType?.MediaType is { } type ? $" ({type})" : "")}.";
            }

            File.Move(part, file + extension, overwrite: true);
            Interlocked.Increment(ref _fetched);
            return null;
        }
        finally
        {
            File.Delete(part);
        }
    }
}
