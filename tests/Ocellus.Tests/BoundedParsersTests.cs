using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Objects.Files;
using Ocellus.Objects.S3;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;
using Ocellus.Wire.SigV4;

namespace Ocellus.Tests;

/// <summary>
/// Everything that reads text from outside, and what bounds it in depth, count and time. A parser that is new fails the first test until it is written down
/// here with its bound;
/// those that strangers reach are given a megabyte of the worst that we know of.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed partial class BoundedParsersTests
{
    private const int Megabyte = 1 << 20;

    private const string Project = "arn:aws:rekognition:us-east-1:123456789012:project/p/1";

    /// <summary>What a parser may take of all cores together, compiled for the first time and on a slow machine.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>The files that parse, by their namespace, and their bound. "Own files" are written by this program or by the person who runs it.</summary>
    private static readonly Dictionary<string, string> s_bounds = new(StringComparer.Ordinal)
    {
        ["Objects/External/ExternalFolders.cs"] = "own files in the product's own bucket, 1 MB at most",
        ["Identity/CallerRights.cs"] = "JSON from the database: own files",
        ["Identity/PolicyJson.cs"] = "JSON: 64 levels, and the characters that a policy may have",
        ["Commands/ApiClient.cs"] = "answers of a server that this program started, to the length of an answer",
        ["Backups/BackupFormat.cs"] = "names in an archive that a person names, by a pattern without repetition in repetition",
        ["Backups/BackupReader.cs"] = "the first entry of an archive that a person names, 64 KB at most",
        ["Commands/EvaluationTables.cs"] = "own files",
        ["Commands/ExportCommand.cs"] = "own files",
        ["Commands/HelpText.cs"] = "help of our own commands",
        ["Commands/Invocation.cs"] = "messages of our own, by a pattern without repetition in repetition",
        ["Commands/UsageErrors.cs"] = "words of a command line, by patterns without repetition in repetition",
        ["Commands/InstalledClients.cs"] = "versions that installed programs tell, by a pattern without repetition in repetition",
        ["Commands/KeysCommand.cs"] = "names, by a pattern without repetition in repetition",
        ["Commands/ModelArchive.cs"] = "archives that a person names: bounds of its own on entries and their bytes",
        ["Commands/NodeOptions.cs"] = "a word of a command line",
        ["Commands/PolicyFile.cs"] = "a file of 64 KB that a person names",
        ["Backups/ShardLinks.cs"] = "own files",
        ["Commands/TrainCommand.Errors.cs"] = "own files",
        ["Commands/TrainCommand.cs"] = "own files",
        ["Console/Calls/CliLine.cs"] = "JSON: 64 levels, a request that its operation has parsed before",
        ["Console/ConsoleBodies.cs"] = "JSON: 64 levels, and the bytes that a body of the console may have, of a person who is signed in",
        ["Console/Images/ImageIndex.cs"] = "an entry of a dataset, by a pattern without repetition in repetition",
        ["Console/Images/ImagesEndpoints.cs"] = "a body of the console, as ConsoleBodies",
        ["Console/Images/LineLabels.cs"] = "entries of a dataset, which were parsed before",
        ["Console/Keys/KeysEndpoint.cs"] = "names of users, by a pattern without repetition in repetition",
        ["Console/Models/ModelDownload.cs"] = "JSON from the database: own files",
        ["Console/Models/SnapshotReader.cs"] = "JSON: 64 levels, one line of a file of 512 MB in a bucket of the account",
        ["Console/Models/TestSnapshots.cs"] = "JSON from the database: own files",
        ["Console/Projects/ProjectReader.cs"] = "entries of a dataset, which were parsed before",
        ["Console/Projects/ProjectView.cs"] = "JSON from the database: own files",
        ["Formats/JsonHead.cs"] = "JSON: 64 levels, the first 64 KB of a document",
        ["Formats/JsonItems.cs"] = "JSON: 64 levels, one value of 64 MB at a time",
        ["Formats/JsonValues.cs"] = "JSON: 64 levels, a value or a file of 64 MB",
        ["Formats/Readers/CocoNumbers.cs"] = "values that were parsed before, and 16 million runs of a mask",
        ["Formats/Readers/CocoDocument.cs"] = "values of 64 MB at most, one at a time; images, annotations and categories are counted",
        ["Formats/Readers/LabelStudioReader.cs"] = "names of pictures, by a pattern without repetition in repetition",
        ["Formats/Readers/VocReader.cs"] = "XML without a document type, 16 MB, into a tree that is built without recursion",
        ["Formats/Writers/FolderNames.cs"] = "labels and names of folders, by a pattern without repetition",
        ["Formats/XmlText.cs"] = "XML without a document type, to the characters that its caller allows; of each image where there are many in one",
        ["Formats/ZipTree.cs"] = "archives that a person names: bounds on members, on their bytes together, and on how well each is packed",
        ["Commands/ImportCommand.cs"] = "a name of a command line, by a pattern without repetition in repetition",
        ["Transfer/EntryLine.cs"] = "lines that were parsed before",
        ["Transfer/ModelPull.cs"] = "an answer of a server that a person names, 16 MB at most",
        ["Training/ModelPackage.cs"] = "own files: it only writes an archive",
        ["Training/Server/ModelTransfer.cs"] = "JSON: 16 levels, a body of 64 KB, after its signature was verified",
        ["Transfer/ObjectClient.cs"] = "XML: answers of 64 MB at most of a server that a person names, no type definition",
        ["Transfer/PolicyPull.cs"] = "JSON: 64 levels, in an answer of a server that a person names",
        ["Transfer/ServiceClient.cs"] = "JSON: 64 levels, in answers of 64 MB at most of a server that a person names",
        ["Training/Job/TrainingHistory.cs"] = "own files",
        ["Training/Job/JobProgress.cs"] = "status messages of our own, by a pattern without repetition in repetition",
        ["Datasets/Manifests/LineParser.cs"] = "JSON: 64 levels, one line of a manifest",
        ["Datasets/Manifests/ParsedLine.cs"] = "lines that were parsed before",
        ["Objects/Files/Descriptions.cs"] = "own files",
        ["Objects/S3/ObjectTags.cs"] = "the form of a query: no longer than a header, and 10 tags",
        ["Objects/S3/PostForm.cs"] = "forms: 20 KB of names and values before the file",
        ["Objects/S3/PostPolicy.cs"] = "JSON: 8 levels, in a field of a form",
        ["Objects/S3/S3Document.cs"] = "XML: 16 levels, elements and bytes by the kind of document, 16 KB and 16 attributes an element, no type definition",
        ["Objects/S3/S3Gate.cs"] = "aws-chunked bodies, see AwsChunkedStream",
        ["Objects/Files/StoreCheck.cs"] = "own files",
        ["Projects/Arns.cs"] = "ARNs: 2,048 characters, by a pattern without repetition in repetition",
        ["Wire/AwsJson/Operation.cs"] = "JSON: 16 levels, and the bytes that an operation's body may have",
        ["Settings/SettingsValidation.cs"] = "messages of the framework about settings, by a pattern without repetition in repetition",
        ["Wire/Others/OtherServices.cs"] = "a form of 64 KB with up to 100 parameters, after its signature was verified",
        ["Wire/Regions.cs"] = "names of regions, by a pattern without repetition in repetition",
        ["Wire/SigV4/AwsChunkedStream.cs"] = "lines of 8 KB, 32 trailing headers, signed chunks of 16 MB",
        ["Wire/SigV4/Credential.cs"] = "a credential scope: no longer than a header, by patterns without repetition in repetition",
        ["Encodings/Unicode.cs"] = "JSON: 64 levels, one line of a manifest",
        ["Wire/AwsJson/Validation.cs"] = "patterns of the service model: an automaton, or one loop over one set, and a second at most",
        ["Training/Server/CopyWorker.cs"] = "JSON from the database: own files",
        ["Training/DescribeProjectVersions.cs"] = "JSON from the database: own files",
        ["Training/Job/JobFolder.cs"] = "own files",
        ["Training/Server/TrainingProcess.cs"] = "lines of a process of our own",
        ["Training/Server/TrainingPublisher.cs"] = "own files",
    };

    /// <summary>Parsers that a request reaches, with a text of a megabyte or of the bound before it that costs the most.</summary>
    private static readonly Dictionary<string, Func<Task>> s_worst = new(StringComparer.Ordinal)
    {
        ["XML, deep"] = () => Xml(Repeat("<a>", Megabyte)),
        ["XML, wide"] = () => Xml("<Delete>" + Repeat("<a/>", Megabyte)),
        ["XML, texts in pieces"] = () => Xml("<Delete>" + Repeat("<![CDATA[a]]>", Megabyte)),
        ["XML, references"] = () => Xml("<Delete>" + Repeat("&#97;", Megabyte)),
        ["XML, comments"] = () => Xml("<Delete>" + Repeat("<!--a-->", Megabyte)),
        ["XML, one long name"] = () => Xml("<" + Repeat("a", Megabyte)),
        ["XML, attributes"] = () => Xml($"<a {string.Join(' ', Enumerable.Range(0, 120_000).Select(i => $"a{i}=''"))}/>"),
        ["XML, namespaces"] = () => Xml($"<a {string.Join(' ', Enumerable.Range(0, 80_000).Select(i => $"xmlns:a{i}='b'"))}/>"),
        ["tags"] = () => Refused(() => ObjectTags.Parse(string.Join('&', Enumerable.Range(0, 140_000).Select(i => $"k{i}=")))),
        ["tags, escaped"] = () => Refused(() => ObjectTags.Parse("k=" + Repeat("%41", Megabyte))),
        ["range"] = () => Done(() => S3Conditions.Range("bytes=" + Repeat("0-1,", Megabyte), 10)),
        ["range of digits"] = () => Done(() => S3Conditions.Range("bytes=" + Repeat("9", Megabyte) + "-", 10)),
        ["range of a copy"] = () => Refused(() => S3Conditions.CopyRange("bytes=" + Repeat("0-", Megabyte), 10)),
        ["conditions on tags"] = () => Done(() => S3Conditions.Evaluate(Repeat(",", Megabyte), null, null, null, Info())),
        ["conditions on dates"] = () => Done(() => S3Conditions.Evaluate(null, null, Repeat("1 ", Megabyte), Repeat("Jan", Megabyte), Info())),
        ["source of a copy"] = () => Done(() => CopySource.Of("bucket/" + Repeat("%41", Megabyte))),
        ["metadata"] = () => Refused(() => S3Headers.UserMetadata(With("x-amz-meta-a", Repeat("a", Megabyte)))),
        ["encodings"] = () => Done(() => S3Headers.Kept(With("Content-Encoding", Repeat("aws-chunked,", Megabyte)))),
        ["announced trailers"] = () => Done(() => S3Body.Algorithms(With("x-amz-trailer", Repeat("x-a,", Megabyte)))),
        ["token of a list"] = () => Refused(() => ListingRequests.FromToken(Repeat("/w==", Megabyte))),
        ["CORS, headers of a page against all rules"] = () =>
            Refused(() => CorsRules.Preflight(Page("https://page", string.Join(',', Enumerable.Range(0, 150_000).Select(i => $"x{i}"))), Rules())),
        ["CORS, as many headers as are looked at"] = () =>
            Refused(() => CorsRules.Preflight(Page("https://page", string.Join(',', Enumerable.Range(0, 99).Select(i => $"x{i}9").Append("y"))), Rules())),
        ["CORS, an origin"] = () => Refused(() => CorsRules.Preflight(Page(Repeat("a", Megabyte), "x"), Rules())),
        ["form of empty fields"] = () =>
            Refused(() =>
            FormAsync(string.Concat(Enumerable.Range(0, 16_000).Select(i => $"--x\r\nContent-Disposition: form-data; name=\"{i}\"\r\n\r\n\r\n")))),
        ["form, a name in pieces"] = () => Refused(() => FormAsync("--x\r\nContent-Disposition: form-data" + Repeat("; a=b", 20_000) + "\r\n\r\n\r\n")),
        ["form, a name of a file escaped"] = () =>
            Refused(() => FormAsync("--x\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''" + Repeat("%FF", 19_000) + "\r\n\r\n\r\n")),
        ["form without an end"] = () => Refused(() => FormAsync("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + Repeat("\r\n--", Megabyte))),
        ["form, its type"] = () => Refused(() => FormAsync("multipart/form-data" + Repeat(";a=b", Megabyte), "")),
        ["form policy, deep"] = () => Refused(() => PostPolicy.Parse(Base64("{\"expiration\":" + Repeat("[", Megabyte)))),
        ["form policy, conditions"] = () =>
            Refused(() => PostPolicy.Parse(Base64("{\"expiration\":\"2099-01-01T00:00:00Z\",\"conditions\":[" + Repeat("{\"a\":\"b\"},", Megabyte) + "1]}"))),
        ["chunks of a byte"] = () => Refused(() => ChunksAsync(Repeat("1\r\na\r\n", Megabyte))),
        ["trailers"] = () => Refused(() => ChunksAsync("0\r\n" + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"a{i}:b\r\n")))),
        ["a line of the framing"] = () => Refused(() => ChunksAsync(Repeat("0", Megabyte))),
        ["identity policy"] = () => Refused(() => IdentityPolicy.Parse("{\"Statement\":" + Repeat("[", Megabyte))),
        ["project policy, deep"] = () => Refused(() => PolicyDocument.Check("{\"Statement\":" + Repeat("[", Megabyte), Project)),
        ["project policy, members of one name"] = () => Refused(() => PolicyDocument.Check("{" + Repeat("\"a\":1,", Megabyte) + "\"b\":1}", Project)),
        ["pattern of a policy"] = () => Done(() => PolicyPattern.MatchesArn("arn:aws:s3:::" + Repeat("*a", 6000), "arn:aws:s3:::" + Repeat("a", 1088) + "b")),
        ["pattern of a policy, one star"] = () =>
            Done(() => PolicyPattern.MatchesArn("arn:aws:s3:::*" + Repeat("a", 500) + "b", "arn:aws:s3:::" + Repeat("a", 1088))),
        ["pattern of a policy under a bucket"] = () =>
            Done(() => PolicyPattern.CanMatchUnder("arn:aws:s3:::" + Repeat("*a", 6000), "arn:aws:s3:::" + Repeat("a", 63) + "/")),
        ["ARN"] = () => Done(() => Ocellus.Projects.Arn.TryParse("arn:aws:rekognition:us-east-1:123456789012:project/" + Repeat("a", Megabyte))),
        ["ARN, its first parts"] = () => Done(() => Ocellus.Projects.Arn.TryParse("arn:" + Repeat("a-", Megabyte))),
        ["text of an error"] = () => Done(() => Readable.Plain(Repeat("\u001b\ud800", Megabyte))),
    };

    public static TheoryData<string> Worst => [.. s_worst.Keys];

    [Fact]
    public void Every_parser_is_written_down_with_its_bound()
    {
        var parse = ServerSources.All().Where(f => Parser().IsMatch(File.ReadAllText(f.Path))).Select(f => f.Name);

        Assert.Equal(s_bounds.Keys.Order(StringComparer.Ordinal), parse.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Worst))]
    public async Task A_megabyte_of_the_worst_costs_no_more_than_its_reading(string parser)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        await s_worst[parser]();
        process.Refresh();
        var took = process.TotalProcessorTime - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"{took.TotalSeconds:F2} s");
        Assert.True(took < s_patience, $"{parser}: {took.TotalSeconds:F2} s");
    }

    private static string Repeat(string piece, int characters) => new StringBuilder().Insert(0, piece, characters / piece.Length).ToString();

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static Task Done(Action parse)
    {
        parse();
        return Task.CompletedTask;
    }

    private static Task Done(Func<Task> parse) => parse();

    private static async Task Refused(Func<Task> parse)
    {
        var refusal = await Assert.ThrowsAnyAsync<Exception>(parse);
        Assert.True(refusal is S3Exception or RefusedException or InvalidDataException, refusal.ToString());
    }

    private static Task Refused(Action parse) => Refused(() => Done(parse));

    private static Task Xml(string text) => Refused(() => { S3Document.Delete.Parse(Encoding.UTF8.GetBytes(text), default); });

    private static ObjectInfo Info() => new() { Key = "k", Size = 1, ETag = "0", LastModified = DateTimeOffset.UnixEpoch, DataFile = "d" };

    private static HeaderDictionary With(string header, string value) => new() { [header] = value };

    private static DefaultHttpContext Page(string origin, string headers) =>
        new() { Request = { Headers = { Origin = origin, AccessControlRequestMethod = "GET", AccessControlRequestHeaders = headers } } };

    /// <summary>As many rules as 64 KB hold, of which none fits before the last header was tried with all of them.</summary>
    private static Bucket Rules() => new("bucket", "123456789012", "us-east-1", DateTimeOffset.UnixEpoch)
    {
        Cors = [.. Enumerable.Range(0, 100)
            .Select(_ => new CorsRule(null, ["*"], ["GET"], [.. Enumerable.Range(0, 20).Select(i => $"x*{i}"), "*9"], [], null))],
    };

    private static Task<PostForm?> FormAsync(string body) => FormAsync("multipart/form-data; boundary=x", body);

    private static Task<PostForm?> FormAsync(string type, string body)
    {
        var http = new DefaultHttpContext { Request = { Method = "POST", Path = "/bucket", ContentType = type } };
        return PostForm.ReadAsync(http.Request, S3Target.Of(http.Request), new MemoryStream(Encoding.UTF8.GetBytes(body)), default);
    }

    private static async Task ChunksAsync(string body)
    {
        var seed = new VerifiedSignature(null!, "us-east-1", "20260101T000000Z", "scope", [], "", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        await using var chunks = new AwsChunkedStream(new MemoryStream(Encoding.UTF8.GetBytes(body)), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", seed);
        await chunks.CopyToAsync(Stream.Null);
    }

    [GeneratedRegex(@"XmlReader\.Create|XDocument\.|XElement\.(Parse|Load)|JsonDocument\.Parse|JsonNode\.Parse|JsonSerializer\.Deserialize|Utf8JsonReader|"
        + @"new Regex\(|GeneratedRegex|MultipartReader\(|HeaderValue\.(Try)?Parse|QueryStringEnumerable\(|QueryHelpers\.Parse|AwsChunkedStream\(|ZipArchive")]
    private static partial Regex Parser();
}
