using System.Security.Cryptography;
using Ocellus.Encodings;
using static Ocellus.Objects.Files.UploadFolders;

namespace Ocellus.Objects.Files;

internal sealed partial class MultipartUploads
{
    /// <summary>
    /// Joins the named parts into the object and removes the upload. If repeated, for example after a lost response, returns the object as long as it exists.
    /// </summary>
    /// <param name="bucket">Bucket.</param>
    /// <param name="key">Key of the object and of its upload.</param>
    /// <param name="id">The upload.</param>
    /// <param name="wanted">The parts, in order.</param>
    /// <param name="checksums">Checksums that the object must have, in base64 by name; compared if the upload has them.</param>
    /// <param name="size">Size in bytes that the object must have; null for any.</param>
    /// <param name="conditions">Whether the object may be replaced.</param>
    /// <param name="cancel">Cancels; the upload stays.</param>
    public async Task<ObjectInfo> CompleteUploadAsync(
        string bucket, string key, string id, IReadOnlyList<WantedPart> wanted, IReadOnlyDictionary<string, string> checksums, long? size,
        PutOptions conditions, CancellationToken cancel)
    {
        if (await FinishedAsync(bucket, key, id, wanted, cancel).ConfigureAwait(false) is { } finished)
        {
            return finished;
        }

        var index = buckets.Index(bucket);
        var stored = Find(index, key, id);
        var upload = Read(index, key, id);
        var folder = FolderOf(index, id);
        var have = Parts(bucket, key, id).ToDictionary(p => p.Number);
        var parts = new List<PartInfo>();
        foreach (var (number, etag, sums) in wanted)
        {
            if (parts.Count > 0 && parts[^1].Number >= number)
            {
                throw new S3Exception("InvalidPartOrder");
            }

            if (!have.TryGetValue(number, out var part) || part.ETag != etag.Trim('"')
                || sums.Any(s => part.Checksums.TryGetValue(s.Key, out var known) && known != s.Value))
            {
                throw new S3Exception(
                    "InvalidPart",
                    $"One or more of the specified parts could not be found: part {number} with ETag {Readable.Truncate(etag)}. The part might not have been "
                        + $"uploaded, or the specified entity tag or checksum might not have matched the part's.");
            }

            parts.Add(part);
        }

        var total = parts.Sum(p => p.Size);
        if (total > MaxJoinedBytes)
        {
            throw new S3Exception(
                "EntityTooLarge",
                $"Your proposed upload exceeds the maximum allowed object size: the parts have {total} bytes, allowed are {MaxJoinedBytes} (5 TB).");
        }

        if (size is { } announced && total != announced)
        {
            throw new S3Exception("InvalidRequest", $"x-amz-mp-object-size is {announced}, and the parts have {total} bytes.");
        }

        if (parts.SkipLast(1).Any(p => p.Size < MinPartBytes))
        {
            throw new S3Exception("EntityTooSmall");
        }

        if (parts.Select(p => (p.Number, Problem: Descriptions.DataProblem(folder, p))).FirstOrDefault(p => p.Problem is not null) is { Problem: { } why } bad
            && !stored.Ended)
        {
            throw new S3Exception("InvalidPart", $"Part {bad.Number} is damaged on the server's disk: {why}. Upload it again.");
        }

        var etagOfAll = ETagOf(string.Concat(parts.Select(p => p.ETag)), parts.Count);
        Dictionary<string, string>? composite = null;
        string[] whole = [];
        if (upload.Algorithm is { } name)
        {
            if (upload.ChecksumType == "FULL_OBJECT")
            {
                whole = [name];
            }
            else if (parts.TrueForAll(p => p.Checksums.ContainsKey(name)))
            {
                using var digest = new DigestSet([name]);
                parts.ForEach(p => digest.Append(Convert.FromBase64String(p.Checksums[name])));
                composite = new() { [name] = $"{Convert.ToBase64String(digest.Finish().Values[name])}-{parts.Count}" };
            }
        }

        using var joined = new JoinedStream([.. parts.Select(p => Path.Combine(folder, p.DataFile))]);
        ObjectInfo made;
        try
        {
            foreach (var (algorithm, value) in composite ?? [])
            {
                CheckWhole(algorithm, value);
            }

            made = await objects.PutAsync(bucket, key, joined, conditions with
            {
                ContentType = upload.ContentType,
                UserMetadata = upload.UserMetadata,
                Headers = upload.Headers,
                ETag = etagOfAll,
                Algorithms = whole,
                LengthMax = MaxJoinedBytes,
                Checksums = composite,
                ChecksumType = upload.ChecksumType,
                Tags = upload.Tags,
                Parts = [.. parts.Select(p => new ObjectPart(p.Number, p.Size, p.Checksums))],
                UploadId = UploadFolderName(id),
                Verify = digests =>
                {
                    foreach (var algorithm in whole)
                    {
                        CheckWhole(algorithm, Convert.ToBase64String(digests.Values[algorithm]));
                    }
                },
            }, cancel).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            // Another request completed or aborted the upload, or replaced a part, while this one read it.
            return await FinishedAsync(bucket, key, id, wanted, cancel).ConfigureAwait(false) ?? throw new S3Exception("NoSuchUpload");
        }

        Forget(index, stored);
        return made;

        void CheckWhole(string algorithm, string value)
        {
            // Clients send the composite form with and without its number of parts.
            if (checksums.TryGetValue(algorithm, out var sent) && sent != value && sent != value.Split('-')[0])
            {
                throw new S3Exception(
                    "BadDigest",
                    $"The {algorithm} you specified did not match the calculated checksum: '{Readable.Truncate(sent)}' was sent, '{value}' computed.");
            }
        }
    }

    /// <summary>The object that this upload has created from the named parts; null if the current object is not its result.</summary>
    /// <exception cref="S3Exception">InvalidPart: it was created from other parts.</exception>
    private async Task<ObjectInfo?> FinishedAsync(string bucket, string key, string id, IReadOnlyList<WantedPart> wanted, CancellationToken cancel)
    {
        if (await objects.HeadAsync(bucket, key, cancel).ConfigureAwait(false) is not { Parts: { } parts } made || made.UploadId != UploadFolderName(id))
        {
            return null;
        }

        // The ETag of an object in parts is computed from the ETags of its parts.
        var tags = string.Concat(wanted.Select(w => w.ETag.Trim('"')));
        if (!wanted.Select(w => w.Number).SequenceEqual(parts.Select(p => p.Number))
            || tags.Length % 2 != 0
            || !tags.All(char.IsAsciiHexDigit)
            || ETagOf(tags, parts.Count) != made.ETag)
        {
            throw new S3Exception(
                "InvalidPart", $"The upload was completed with {parts.Count} part(s), which differ from the {wanted.Count} named here by number and ETag.");
        }

        var index = buckets.Index(bucket);
        if (index.Uploads.TryGetValue(StoredUpload.Probe(key, made.UploadId), out var left))
        {
            // The process had ended before it could remove the upload.
            Forget(index, left);
        }

        return made;
    }

    private static string ETagOf(string tagsOfParts, int parts)
    {
#pragma warning disable CA5351 // The ETag is defined this way.
        return $"{Convert.ToHexStringLower(MD5.HashData(Convert.FromHexString(tagsOfParts)))}-{parts}";
#pragma warning restore CA5351
    }
}
