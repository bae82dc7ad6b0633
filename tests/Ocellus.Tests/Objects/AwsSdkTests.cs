using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.S3.Transfer;

namespace Ocellus.Tests.Objects;

/// <summary>The object store with the AWS SDK for .NET as it comes: its own checksums, trailers and retries.</summary>
public sealed class AwsSdkTests : IAsyncLifetime
{
    private TestServer _server = null!;
    private AmazonS3Client _s3 = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _s3 = new(
            new BasicAWSCredentials(_server.Signer.AccessKeyId, _server.Signer.Secret),
            new AmazonS3Config { ServiceURL = _server.BaseAddress.ToString(), AuthenticationRegion = "us-east-1", ForcePathStyle = true, MaxErrorRetry = 0 });
        await _s3.PutBucketAsync("bucket", Cancel);
    }

    public ValueTask DisposeAsync()
    {
        _s3.Dispose();
        return _server.DisposeAsync();
    }

    [Theory]
    [InlineData("CRC32")]
    [InlineData("SHA1")]
    [InlineData("SHA256")]
    [InlineData("CRC64NVME")]
    public async Task An_object_goes_there_and_back_with_its_checksum(string algorithm)
    {
        var content = RandomNumberGenerator.GetBytes(200_000);
        var put = await _s3.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = "bucket",
                Key = "odd +%/ö",
                InputStream = new MemoryStream(content),
                ChecksumAlgorithm = ChecksumAlgorithm.FindValue(algorithm),
                Metadata = { ["colour"] = "blue" },
                TagSet = [new Tag { Key = "a", Value = "b" }],
            },
            Cancel);
        var request = new GetObjectRequest { BucketName = "bucket", Key = "odd +%/ö", ChecksumMode = ChecksumMode.ENABLED };
        using var got = await _s3.GetObjectAsync(request, Cancel);
        using var back = new MemoryStream();
        await got.ResponseStream.CopyToAsync(back, Cancel);
        Assert.Equal(content, back.ToArray());
        Assert.Equal((put.ETag, "blue"), (got.ETag, got.Metadata["colour"]));
        var attributes = await _s3.GetObjectAttributesAsync(
            new GetObjectAttributesRequest
            {
                BucketName = "bucket",
                Key = "odd +%/ö",
                ObjectAttributes = [ObjectAttributes.Checksum, ObjectAttributes.ObjectSize],
            },
            Cancel);
        Assert.Equal(200_000, attributes.ObjectSize);
        Assert.Equal(algorithm switch { "CRC32" => put.ChecksumCRC32, "SHA1" => put.ChecksumSHA1, "SHA256" => put.ChecksumSHA256, _ => put.ChecksumCRC64NVME },
            algorithm switch
            {
                "CRC32" => attributes.Checksum.ChecksumCRC32,
                "SHA1" => attributes.Checksum.ChecksumSHA1,
                "SHA256" => attributes.Checksum.ChecksumSHA256,
                _ => attributes.Checksum.ChecksumCRC64NVME,
            });
        Assert.Equal(
            "b",
            Assert.Single((await _s3.GetObjectTaggingAsync(new GetObjectTaggingRequest { BucketName = "bucket", Key = "odd +%/ö" }, Cancel)).Tagging).Value);
    }

    [Fact]
    public async Task The_transfer_manager_uploads_in_parts_and_downloads()
    {
        var folder = Directory.CreateTempSubdirectory("ocellus-sdk-");
        try
        {
            var (from, to) = (Path.Combine(folder.FullName, "from"), Path.Combine(folder.FullName, "to"));
            await File.WriteAllBytesAsync(from, RandomNumberGenerator.GetBytes((12 << 20) + 1), Cancel);
            using var transfer = new TransferUtility(_s3, new TransferUtilityConfig { MinSizeBeforePartUpload = 5 << 20 });
            await transfer.UploadAsync(new TransferUtilityUploadRequest { BucketName = "bucket", Key = "large", FilePath = from, PartSize = 5 << 20 }, Cancel);
            Assert.EndsWith("-3\"", (await _s3.GetObjectMetadataAsync("bucket", "large", Cancel)).ETag, StringComparison.Ordinal);
            await transfer.DownloadAsync(to, "bucket", "large", Cancel);
            Assert.Equal(await File.ReadAllBytesAsync(from, Cancel), await File.ReadAllBytesAsync(to, Cancel));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Refusals_are_the_sdks_own_errors()
    {
        Assert.Equal(
            "NoSuchBucket",
            (await Assert.ThrowsAsync<NoSuchBucketException>(
                () => _s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = "absent" }, Cancel))).ErrorCode);
        Assert.Equal("NoSuchKey", (await Assert.ThrowsAsync<NoSuchKeyException>(() => _s3.GetObjectAsync("bucket", "absent", Cancel))).ErrorCode);
        var notThere = await Assert.ThrowsAsync<AmazonS3Exception>(
            () =>
                _s3.PutBucketVersioningAsync(
                    new PutBucketVersioningRequest
                    {
                        BucketName = "bucket",
                        VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled },
                    },
                    Cancel));
        Assert.Equal((HttpStatusCode.NotImplemented, "NotImplemented"), (notThere.StatusCode, notThere.ErrorCode));
        await _s3.PutObjectAsync(new PutObjectRequest { BucketName = "bucket", Key = "k", ContentBody = "x" }, Cancel);
        Assert.Equal(
            "PreconditionFailed",
            (await Assert.ThrowsAsync<AmazonS3Exception>(
                () => _s3.PutObjectAsync(new PutObjectRequest { BucketName = "bucket", Key = "k", ContentBody = "y", IfNoneMatch = "*" }, Cancel))).ErrorCode);
    }

    [Fact]
    public async Task Rules_for_pages_of_other_origins_and_links_work()
    {
        await _s3.PutCORSConfigurationAsync(
            new PutCORSConfigurationRequest
            {
                BucketName = "bucket",
                Configuration = new() { Rules = [new() { AllowedOrigins = ["*"], AllowedMethods = ["GET"], MaxAgeSeconds = 5 }] },
            },
            Cancel);
        Assert.Equal(
            5,
            Assert.Single(
                (await _s3.GetCORSConfigurationAsync(new GetCORSConfigurationRequest { BucketName = "bucket" }, Cancel)).Configuration.Rules).MaxAgeSeconds);
        foreach (var verb in new[] { HttpVerb.PUT, HttpVerb.GET, HttpVerb.HEAD, HttpVerb.DELETE })
        {
            var link = await _s3.GetPreSignedURLAsync(
                new GetPreSignedUrlRequest
                {
                    BucketName = "bucket",
                    Key = "by link",
                    Verb = verb,
                    Expires = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(1),
                    Protocol = Amazon.S3.Protocol.HTTP,
                });
            using var request = new HttpRequestMessage(new HttpMethod(verb.ToString()), link)
            {
                Content = verb == HttpVerb.PUT ? new ByteArrayContent("hello"u8.ToArray()) : null,
            };
            using var response = await _server.Client.SendAsync(request, Cancel);
            Assert.Equal((verb, verb == HttpVerb.DELETE ? HttpStatusCode.NoContent : HttpStatusCode.OK), (verb, response.StatusCode));
        }
    }
}
