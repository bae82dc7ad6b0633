using Ocellus.Vision.Boxes;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class TrainingCheckpointTests
{
    [Fact]
    public void A_checkpoint_is_read_back_and_by_its_own_training_alone()
    {
        string folder = Directory.CreateTempSubdirectory().FullName, path = Path.Combine(folder, "a", "x.checkpoint");
        try
        {
            var written = new TrainingCheckpoint("key", 1, 2, true, 3, new Dictionary<string, float[][]>()).With("w", [1, 2], [3]).With([("a", [4f])]);
            written.Write(path);

            TrainingCheckpoint? read = TrainingCheckpoint.Read(path, "key");
            Assert.NotNull(read);
            Assert.Equal((1, 2, true, 3L), (read.Epoch, read.Epochs, read.Frozen, read.Steps));
            Assert.Equal([[1, 2], [3], []], read.Values["w"]);
            Assert.Equal([[4], [], []], read.Values["a"]);
            Assert.Null(TrainingCheckpoint.Read(path, "another"));
            Assert.Null(TrainingCheckpoint.Read(path + ".none", "key"));

            byte[] bytes = File.ReadAllBytes(path);
            File.WriteAllBytes(path, bytes[..^3]);
            Assert.Null(TrainingCheckpoint.Read(path, "key"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Made by the version that first wrote these files: a training that was interrupted before an update goes on after it.
    [Fact]
    public void Checkpoints_of_earlier_versions_are_recognized()
    {
        var images = DrawnScenes.Files([[], []]);
        var classifier = new ClassifierTask(images, [[0], [1]], ["red", "blue"], MultiLabel: false);
        Assert.Equal(
            "A7C85CBFA51894187C8538B3EFA40D20C8CCD79741D4D7070A505D0749C32224",
            ClassifierTuning.Fingerprint(
                classifier, new ClassifierPlan { Seed = 3, Threads = 2 }, 16, new ClassifierDesign(ClassifierInput.Square(224), ClassifierHeadKind.Average)));

        LabelledBox[] boxes = [new(0, new Box(.1f, .2f, .3f, .4f)), new(1, new Box(0, 0, 1, 1))];
        var detector = new DetectorTask(images, [boxes, []], ["red", "blue"]);
        var plan = new DetectorPlan { BackbonePath = "backbone.onnx", StartPath = "start.onnx", Seed = 3, Threads = 2 };
        Assert.Equal("98D6E4B31FBFC1EC041928A9CE4065230D850EF8AB4C426E02A430454B0DF8CA", DetectorRun.Fingerprint(detector, plan, new DetectorInput(416, 320)));
    }
}
