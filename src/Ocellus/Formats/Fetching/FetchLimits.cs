namespace Ocellus.Formats.Fetching;

/// <summary>What fetching may take. Servers are slow, gone, or give something else than a picture.</summary>
internal sealed record FetchLimits
{
    public static FetchLimits Default { get; } = new();

    /// <summary>Pictures of a source.</summary>
    public int PicturesMax { get; init; } = 100_000;

    /// <summary>Bytes of a picture.</summary>
    public long PictureBytesMax { get; init; } = 64 << 20;

    /// <summary>Bytes of all pictures together.</summary>
    public long BytesMax { get; init; } = 64L << 30;

    /// <summary>Time for a picture, redirects included.</summary>
    public TimeSpan PictureTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Addresses that a server may send on to, one after the other.</summary>
    public int RedirectsMax { get; init; } = 5;

    /// <summary>Pictures in a row that a host does not answer before it is given up.</summary>
    public int SilencesMax { get; init; } = 5;

    /// <summary>Pictures that are fetched at a time.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>Wait before a busy server is asked for the second and last time.</summary>
    public TimeSpan RetryWait { get; init; } = TimeSpan.FromSeconds(2);
}
