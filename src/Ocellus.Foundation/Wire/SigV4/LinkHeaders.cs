using Ocellus.Encodings;

namespace Ocellus.Wire.SigV4;

/// <summary>The parameters of a presigned URL that stand for headers.</summary>
internal static class LinkHeaders
{
    /// <summary>Parameters of the signature itself.</summary>
    private static readonly HashSet<string> _ofSignature = new(StringComparer.OrdinalIgnoreCase)
    {
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    };

    /// <summary>
    /// Parameters about a body. When a link is created there is no body yet: the JavaScript SDK adds the checksum of an empty one, and S3 does not check the
    /// upload against it. Only a checksum sent as a header counts.
    /// </summary>
    private static readonly HashSet<string> _ofBody = new(StringComparer.OrdinalIgnoreCase)
    {
        "x-amz-sdk-checksum-algorithm", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
    };

    /// <summary>The headers that a link's parameters stand for. The caller has verified that the signature covers them.</summary>
    /// <exception cref="SignatureException">A parameter is not a valid header, or contradicts a header of the request.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(SignedRequest request) =>
        [.. All(request).Where(h => !_ofSignature.Contains(h.Key) && !_ofBody.Contains(h.Key))];

    /// <summary>Like <see cref="Of"/>, including those without effect.</summary>
    public static List<KeyValuePair<string, string>> All(SignedRequest request)
    {
        var all = new List<KeyValuePair<string, string>>();
        foreach (var (name, values) in request.Target.Query.Where(p => p.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase)))
        {
            var value = Checked(name, values.ToString());
            if (!_ofSignature.Contains(name) && request.Lines(name).FirstOrDefault(line => line.Trim() != value.Trim()) is not null)
            {
                throw Unusable($"'{Readable.Truncate(name)}' is in the link and, with another value, among the headers; send it as one of the two.");
            }

            all.Add(new(name.ToLowerInvariant(), value));
        }

        return all;
    }

    /// <summary>The checked value of a parameter that stands for a header.</summary>
    /// <exception cref="SignatureException">The parameter is not a valid header.</exception>
    public static string Checked(string name, string value) =>
        !HeaderText.IsName(name) ? throw Unusable(
            $"The parameter '{Readable.Truncate(Uri.EscapeDataString(name))}' stands for a header, but is not a valid header name: letters, digits and "
                + $"!#$%&'*+-.^_`|~.")
        : value.Any(char.IsControl) ? throw Unusable($"The parameter '{Readable.Truncate(name)}' stands for a header, but its value holds control characters.")
        : value;

    public static SignatureException Unusable(string message) => new(SignatureProblem.QueryIncomplete, message);
}
