namespace Ocellus.Objects.Files;

/// <summary>What backup and export need to know to read the store's files beside the server. Nothing here writes or locks.</summary>
internal static class StoreFiles
{
    /// <summary>The file that makes a folder a bucket.</summary>
    public const string BucketFile = Descriptions.BucketFile;

    /// <summary>The member of an object's description that names its data file, which is in the same folder.</summary>
    public const string DataFileMember = nameof(ObjectInfo.DataFile);

    /// <summary>Whether a folder of the store is named like a bucket.</summary>
    public static bool IsBucket(string folder) => ObjectNames.IsBucketName(Path.GetFileName(folder));

    /// <summary>The file with an object's content in a store that another process may have open; null if there is none.</summary>
    public static string? FindObject(string root, string bucket, string key) => ObjectData.FindFile(root, bucket, key);
}
