namespace Ocellus.Datasets;

/// <summary>Where the entries of a new dataset come from. The database keeps it as text, which <see cref="Parse"/> reads and <c>ToString</c> writes.</summary>
internal abstract record EntrySource
{
    private EntrySource()
    {
    }

    /// <summary>Reads what <c>ToString</c> wrote. Null or an unknown kind is no source: the dataset starts without entries.</summary>
    public static EntrySource Parse(string? text) => text?.Split(' ', 2) switch
    {
        ["manifest", var place] when Split(place) is var (bucket, key) => new Manifest(bucket, key),
        ["denied", var place] when Split(place) is var (bucket, key) => new DeniedManifest(bucket, key),
        ["dataset", var arn] => new Dataset(arn),
        _ => new Empty(),
    };

    /// <summary>A bucket's name has no slash; all after the first one is the key.</summary>
    private static (string Bucket, string Key)? Split(string place) =>
        place.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? (place[..slash], place[(slash + 1)..]) : null;

    /// <summary>A manifest in the object store.</summary>
    public sealed record Manifest(string Bucket, string Key) : EntrySource
    {
        public override string ToString() => $"manifest {Bucket}/{Key}";
    }

    /// <summary>A manifest that the caller may not read: the dataset's creation fails.</summary>
    public sealed record DeniedManifest(string Bucket, string Key) : EntrySource
    {
        public override string ToString() => $"denied {Bucket}/{Key}";
    }

    /// <summary>The entries of another dataset, copied.</summary>
    public sealed record Dataset(string Arn) : EntrySource
    {
        public override string ToString() => $"dataset {Arn}";
    }

    /// <summary>The dataset starts without entries.</summary>
    public sealed record Empty : EntrySource
    {
        public override string ToString() => "empty";
    }
}
