using Ocellus.Storage;

namespace Ocellus.Tests.Storage;

public sealed class OpenFilesTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData(100L, 16L)]
    [InlineData(420L, 60L)]
    [InlineData(1024L, 362L)]
    [InlineData(1048576L, 524138L)]
    public void Connections_get_half_of_what_the_process_does_not_need_itself(long? limit, long? connections) =>
        Assert.Equal(connections, OpenFiles.ConnectionsMax(limit));

    [Fact]
    public void The_limit_of_this_process_is_read() => Assert.True(OpenFiles.Limit() is null or > 0);
}
