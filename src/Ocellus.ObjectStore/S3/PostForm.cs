using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>An upload from a form of a web page: its fields, read up to the file, which is still to be read.</summary>
internal sealed class PostForm
{
    /// <summary>Most bytes of all fields before the file: S3's limit.</summary>
    private const int FieldBytesMax = 20 * 1024;

    private PostForm(Dictionary<string, string> fields, Stream file, string fileName)
    {
        (Fields, File, FileName) = (fields, file, fileName);
    }

    /// <summary>The fields but the file, by name; names differ by more than their case.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; }

    public Stream File { get; }

    /// <summary>Name of the file on the sender's machine, without folders; may be empty.</summary>
    public string FileName { get; }

    /// <summary>The key that the object is to have: the field with the file's name put in. Empty without the field.</summary>
    public string Key => Fields.GetValueOrDefault("key")?.Replace("${filename}", FileName, StringComparison.Ordinal) ?? "";

    /// <summary>Reads the form of a request, up to its file.</summary>
    /// <returns>Null if the request is no upload from a form.</returns>
    /// <exception cref="S3Exception">The form is not readable.</exception>
    public static async Task<PostForm?> ReadAsync(HttpRequest request, S3Target target, Stream body, CancellationToken cancel)
    {
        if (!HttpMethods.IsPost(request.Method)
            || !MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || target is not { Bucket.Length: > 0, Key.Length: 0 })
        {
            return null;
        }

        // The policy speaks of the fields alone, and whoever has the form could add parameters.
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
                    // The reader puts this character for bytes that are not UTF-8, and then files of different names would have one.
                    if (path.Contains('\ufffd', StringComparison.Ordinal))
                    {
                        throw new S3Exception("InvalidArgument", $"The name of the form's file, '{Readable.Truncate(path)}', is not UTF-8.");
                    }

                    return new PostForm(fields, section.Body, path[(path.LastIndexOfAny(['/', '\\']) + 1)..]);
                }

                // A field without a value has a name, which takes memory too.
                left -= section.Headers?.Sum(h => h.Key.Length + h.Value.ToString().Length) ?? 0;
                var value = await ReadFieldAsync(section.Body, left, cancel).ConfigureAwait(false);
                left -= value.Length;
                if (HeaderText.Utf8(value) is not { } text || name.Contains('\ufffd', StringComparison.Ordinal))
                {
                    throw new S3Exception("InvalidArgument", $"The field '{Readable.Truncate(name)}' of the form is not UTF-8.");
                }

                if (!fields.TryAdd(name, text))
                {
                    throw new S3Exception("InvalidArgument", $"POST requires exactly one field of a name; '{Readable.Truncate(name)}' is there twice.");
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
