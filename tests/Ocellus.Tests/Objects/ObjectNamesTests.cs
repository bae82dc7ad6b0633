using System.Text;
using CsCheck;
using Ocellus.Objects;
using Ocellus.Objects.Files;

namespace Ocellus.Tests.Objects;

/// <summary>No name leads out of the store's folder, whatever it is made of.</summary>
public sealed class ObjectNamesTests
{
    /// <summary>What names that lead astray are made of.</summary>
    private static readonly string[] s_pieces =
    [
        "..", ".", "/", "\\", "../", "..\\", "%2e%2e%2f", "\0", "~", "C:", "/etc/passwd", ".uploads", "bucket.json", "\u2024\u2024/", "\uFF0E\uFF0E\uFF0F", "a",
        "-", " ",
    ];

    private static readonly Gen<string> s_hostile = Gen.OneOf(Gen.Int[0, s_pieces.Length - 1].Select(i => s_pieces[i]), Gen.String[0, 20]).List[0, 12]
        .Select(parts => string.Concat(parts));

    [Fact]
    public void A_bucket_name_that_is_accepted_is_one_folder_inside_the_root() =>
        Gen.OneOf(s_hostile, Gen.String[Gen.Char["abz09.-/\\"], 0, 70]).Sample(name =>
        {
            if (!ObjectNames.IsBucketName(name))
            {
                return;
            }

            var path = Path.GetFullPath(Path.Combine("/store", name));
            Assert.Equal(("/store", name), (Path.GetDirectoryName(path), Path.GetFileName(path)));
        }, iter: 20_000);

    [Fact]
    public void A_key_is_one_file_inside_its_bucket_and_no_two_keys_are_the_same_file() =>
        Gen.Select(s_hostile, s_hostile).Sample((one, other) =>
        {
            var path = ObjectFiles.MetadataPath("/store/bucket", one);
            Assert.Equal(path, Path.GetFullPath(path));
            Assert.Matches("^/store/bucket/[0-9a-f]{2}/[0-9a-f]{64}\\.json$", path);
            // Lone surrogates all become the same replacement character, so they are compared as they are stored.
            Assert.Equal(
                Encoding.UTF8.GetBytes(one).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(other)), path == ObjectFiles.MetadataPath("/store/bucket", other));
        }, iter: 20_000);

    [Fact]
    public async Task What_is_written_under_any_name_stays_in_the_folder()
    {
        var top = Directory.CreateTempSubdirectory("ocellus-names-").FullName;
        try
        {
            var store = new ObjectStore(Path.Combine(top, "objects"), TimeProvider.System);
            store.CreateBucket("bucket", "123456789012", "us-east-1");
            await s_hostile.SampleAsync(async key =>
            {
                try
                {
                    await store.PutAsync("bucket", key, new MemoryStream("x"u8.ToArray()), new PutOptions(), default);
                    Assert.NotNull(store.OpenRead("bucket", key, out _));
                    var upload = store.Uploads.CreateUpload("bucket", new UploadInfo { Id = key, Key = key, Initiated = default });
                    store.Uploads.AbortUpload("bucket", key, upload.Id);
                }
                catch (S3Exception refusal)
                {
                    Assert.True(refusal.Code is "KeyTooLongError" or "InvalidArgument", refusal.Code);
                }

                Assert.Throws<S3Exception>(() => store.Uploads.Upload("bucket", key, "../" + key));
            }, iter: 100, threads: 1);
            // As the server's upkeep does after each abortion.
            Assert.Empty(store.Removed.Empty(TestContext.Current.CancellationToken));
            Assert.Equal([Path.Combine(top, "objects")], Directory.GetFileSystemEntries(top));
            // The two files of the barrier that a backup closes, and the bucket.
            Assert.Equal(
                [".door", ".inside", "bucket"],
                Directory.GetFileSystemEntries(Path.Combine(top, "objects")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        }
        finally
        {
            Directory.Delete(top, recursive: true);
        }
    }
}
