using System.Text.RegularExpressions;
using Ocellus.Encodings;

namespace Ocellus.Wire.SigV4;

/// <summary>The access key of a signature, and the day, region and service that it is valid for.</summary>
internal sealed partial record Credential(string AccessKeyId, string Day, string Region, string Service)
{
    public string Scope => $"{Day}/{Region}/{Service}/aws4_request";

    public static Credential Parse(string text, string service, Regions regions, TimeProvider clock)
    {
        var parts = text.Split('/');
        if (parts.Length != 5 || parts.Any(part => part.Length == 0))
        {
            throw SignatureVerifier.Incomplete($"Credential must have the form key/day/region/service/aws4_request; received '{Readable.Truncate(text)}'.");
        }

        if (!KeyForm().IsMatch(parts[0]))
        {
            throw SignatureVerifier.Incomplete("Credential must begin with an access key id, 1 to 128 letters, digits and underscores.");
        }

        if (parts[3] != service || parts[4] != "aws4_request")
        {
            throw new SignatureException(
                SignatureProblem.WrongScope,
                $"Credential should be scoped to service '{service}' and end in 'aws4_request'; received '{Readable.Truncate(text)}'. The server's time is "
                    + $"{Canonical.Time(clock.GetUtcNow())}.");
        }

        // 'yyyyMMdd' exactly: a shorter text would pass as a prefix of the date.
        if (parts[1].Length != 8 || !parts[1].All(char.IsAsciiDigit))
        {
            throw SignatureVerifier.Incomplete($"The day of the credential scope must have eight digits; received '{Readable.Truncate(parts[1])}'.");
        }

        if (!regions.Has(parts[2]))
        {
            throw new SignatureException(
                SignatureProblem.WrongRegion,
                $"Credential should be scoped to a valid region; received '{Readable.Truncate(Uri.EscapeDataString(parts[2]))}'. Regions are those of AWS, "
                    + $"such as us-east-1, and those that the setting {RegionOptions.Section}:More names.");
        }

        return new Credential(parts[0], parts[1], parts[2], parts[3]);
    }

    [Evidence(@"IAM API reference, AccessKey: pattern [\w]+, at most 128")]
    [GeneratedRegex(@"\A[A-Za-z0-9_]{1,128}\z")]
    private static partial Regex KeyForm();
}
