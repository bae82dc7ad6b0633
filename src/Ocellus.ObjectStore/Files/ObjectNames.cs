using System.Text;

namespace Ocellus.Objects.Files;

/// <summary>The rules for names of buckets and keys of objects.</summary>
internal static class ObjectNames
{
    /// <summary>Maximum bytes of a key in UTF-8: S3's limit.</summary>
    public const int MaxKeyBytes = 1024;

    /// <summary>The naming rules of general purpose buckets. A valid name is also a safe folder name.</summary>
    public static bool IsBucketName(string name) =>
        name.Length is >= 3 and <= 63
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-')
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && !name.Contains("..", StringComparison.Ordinal)
        && !(name.Count(c => c == '.') == 3 && System.Net.IPAddress.TryParse(name, out _))
        && !name.StartsWith("xn--", StringComparison.Ordinal)
        && !name.EndsWith("-s3alias", StringComparison.Ordinal);

    public static void CheckKey(string key)
    {
        if (key.Length == 0)
        {
            throw new S3Exception("InvalidArgument");
        }

        if (Encoding.UTF8.GetByteCount(key) > MaxKeyBytes)
        {
            throw new S3Exception("KeyTooLongError");
        }
    }
}
