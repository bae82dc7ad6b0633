using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>An upload from a web form. The fields before the file have been read; the file has not.</summary>
internal sealed class PostForm
{
    /// <summary>Maximum bytes of all fields before the file: S3's limit.</summary>
    private const int FieldBytesMax = 20 * 1024;

    private PostForm(Dictionary<string, string> fields, Stream file, string fileName)
    {
        (Fields, File, FileName) = (fields, file, fileName);
    }

    /// <summary>The fields before the file, by name. Names are not case-sensitive.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; }

    public Stream File { get; }

    /// <summary>Name of the file on the sender's machine, without folders; may be empty.</summary>
    public string FileName { get; }

    /// <summary>The key of the object, with the file's name inserted. Empty if there is no such field.</summary>
    public string Key => Fields.GetValueOrDefault("key")?.Replace("${filename}", FileName, StringComparison.Ordinal) ?? "";

    /// <summary>Reads the form of a request, up to its file.</summary>
    /// <returns>Null if the request is not an upload from a form.</returns>
    /// <exception cref="S3Exception">The form is malformed.</exception>
    public static async Task<PostForm?> ReadAsync(HttpRequest request, S3Target target, Stream body, CancellationToken cancel)
    {
        if (!HttpMethods.IsPost(request.Method)
            || !MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || target is not { Bucket.Length: > 0, Key.Length: 0 })
        {
            return null;
        }

        // The policy covers only the fields, and anyone with the form could add parameters.
        if (request.Query.Keys.FirstOrDefault() is { } parameter)
        {
            throw new S3Exception(
                "InvalidArgument",
                $"An upload from a form takes no parameters in its address; received '{Readable.Truncate(Uri.EscapeDataString(parameter))}'.");
        }

        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (boundary is not { Length: > 0 and <= 200 })
        {
            throw new S3Exception(
                "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data: its content type names no boundary.");
        }

        return await ReadAsync(new MultipartReader(boundary, body) { HeadersLengthLimit = FieldBytesMax }, cancel).ConfigureAwait(false);
    }

    private static async Task<PostForm> ReadAsync(MultipartReader reader, CancellationToken cancel)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var left = FieldBytesMax;
        try
        {
            while (await reader.ReadNextSectionAsync(cancel).ConfigureAwait(false) is { } section)
            {
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition)
                    || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { Length: > 0 } name)
                {
                    throw new S3Exception("MalformedPOSTRequest", "A part of the form has no name.");
                }

                if (name.Equals("file", StringComparison.OrdinalIgnoreCase))
                {
                    var path = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value ?? "";
                    // The reader replaces invalid UTF-8 by this character, which could make different names equal.
                    if (path.Contains('\ufffd', StringComparison.Ordinal))
                    {
                        throw new S3Exception("InvalidArgument", $"The name of the form's file, '{Readable.Truncate(path)}', is not UTF-8.");
                    }

                    return new PostForm(fields, section.Body, path[(path.LastIndexOfAny(['/', '\\']) + 1)..]);
                }

                // Names take memory too, even without values.
                left -= section.Headers?.Sum(h => h.Key.Length + h.Value.ToString().Length) ?? 0;
                var value = await ReadFieldAsync(section.Body, left, cancel).ConfigureAwait(false);
                left -= value.Length;
                if (HeaderText.Utf8(value) is not { } text || name.Contains('\ufffd', StringComparison.Ordinal))
                {
                    throw new S3Exception("InvalidArgument", $"The field '{Readable.Truncate(name)}' of the form is not UTF-8.");
                }

                if (!fields.TryAdd(name, text))
                {
                    throw new S3Exception("InvalidArgument", $"POST requires exactly one field of a name; '{Readable.Truncate(name)}' is given twice.");
                }
            }
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            throw new S3Exception(
                "MalformedPOSTRequest", $"The body of your POST request is not well-formed multipart/form-data: {Readable.Truncate(failure.Message)}");
        }

        throw new S3Exception("InvalidArgument", "POST requires exactly one file upload per request; the form has no field 'file'.");
    }

    private static async Task<byte[]> ReadFieldAsync(Stream body, int left, CancellationToken cancel)
    {
        using var value = new MemoryStream();
        var buffer = new byte[4096];
        int read;
        while ((read = await body.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            value.Write(buffer, 0, read);
            Check();
        }

        Check();

        return value.ToArray();

        void Check()
        {
            if (value.Length > left)
            {
                throw new S3Exception("MaxPostPreDataLengthExceeded");
            }
        }
    }
}
